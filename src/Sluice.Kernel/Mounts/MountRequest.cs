using Sluice.Formats;

namespace Sluice.Kernel.Mounts;

/// <summary>What a mount process can be asked for.</summary>
internal enum MountKind : byte
{
    Erofs,
    ErofsOnLoop,
    Overlay,
    Bind,
    Tmpfs,
    Detach,
    BlocksOnLoop,
    Check,
    AttachLoop,
    DetachLoop,
    Thaw,
}

/// <summary>
/// One request on a mount process's standard input: kind byte, target, source, upper, work (length-prefixed UTF-8), a
/// number (i64), a second one (i32), a flag byte, and two counted lists of texts. Fields that a kind does not need are empty.
/// </summary>
internal sealed record MountRequest(MountKind Kind, string Target)
{
    public string Source { get; init; } = "";

    public string Upper { get; init; } = "";

    public string Work { get; init; } = "";

    /// <summary>KiB of read-ahead, or bytes of a tmpfs.</summary>
    public long Number { get; init; }

    public int BlockSize { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>Devices, or lower directories.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    public IReadOnlyList<string> Options { get; init; } = [];

    public void WriteTo(BinaryWriter writer)
    {
        writer.Write((byte)Kind);
        writer.Write(Target);
        writer.Write(Source);
        writer.Write(Upper);
        writer.Write(Work);
        writer.Write(Number);
        writer.Write(BlockSize);
        writer.Write(ReadOnly);
        foreach (IReadOnlyList<string> list in (IReadOnlyList<string>[])[Paths, Options])
        {
            writer.Write(list.Count);
            foreach (string text in list) writer.Write(text);
        }
    }

    /// <summary>The next request; <see cref="EndOfStreamException"/> when the other side has gone.</summary>
    public static MountRequest ReadFrom(BinaryReader reader) => new((MountKind)reader.ReadByte(), reader.ReadString())
    {
        Source = reader.ReadString(),
        Upper = reader.ReadString(),
        Work = reader.ReadString(),
        Number = reader.ReadInt64(),
        BlockSize = reader.ReadInt32(),
        ReadOnly = reader.ReadBoolean(),
        Paths = ReadList(reader),
        Options = ReadList(reader),
    };

    /// <summary>Does it, in this process.</summary>
    public MountAnswer Run()
    {
        switch (Kind)
        {
            case MountKind.Erofs:
                return new MountAnswer(true, MountCalls.Erofs(new ErofsMount { Bootstrap = Source, Devices = Paths, Target = Target, ReadAheadKilobytes = (int)Number }));
            case MountKind.ErofsOnLoop:
                return new MountAnswer(true, MountCalls.ErofsOnLoop(new ErofsLoopMount { Disk = Source, Devices = Paths, Target = Target, BlockSize = BlockSize, ReadAheadKilobytes = (int)Number }));
            case MountKind.BlocksOnLoop:
                return new MountAnswer(true, MountCalls.BlocksOnLoop(new BlockMount
                {
                    Disk = Source,
                    FileSystem = Options[0],
                    Target = Target,
                    ReadAheadKilobytes = (int)Number,
                    SectorSize = BlockSize,
                    Writable = !ReadOnly,
                    Discard = Options.Contains(MountProcess.DiscardOption),
                }));
            case MountKind.Check:
                return new MountAnswer(true, FileSystemCheck.Run(Source, BlockSize));
            case MountKind.AttachLoop:
                return new MountAnswer(true, MountCalls.AttachLoop(Source, BlockSize, (int)Number));
            case MountKind.DetachLoop:
                return new MountAnswer(LoopDevices.Detach(Target), null);
            case MountKind.Thaw:
                FrozenFileSystem.ThawLeftOver(Target);
                return new MountAnswer(true, null);
            case MountKind.Overlay:
                MountCalls.Overlay(new OverlayMount { Lower = Paths, Upper = Empty(Upper), Work = Empty(Work), Target = Target, Options = Options });
                return new MountAnswer(true, null);
            case MountKind.Bind:
                MountCalls.Bind(Source, Target, ReadOnly);
                return new MountAnswer(true, null);
            case MountKind.Tmpfs:
                MountCalls.Tmpfs(Target, Number);
                return new MountAnswer(true, null);
            case MountKind.Detach:
                return new MountAnswer(MountCalls.Detach(Target), null);
            default:
                throw new SluiceException(SluiceError.Usage, Target, $"unknown mount request {Kind}");
        }
    }

    private static string? Empty(string text) => text.Length == 0 ? null : text;

    private static List<string> ReadList(BinaryReader reader)
    {
        int count = reader.ReadInt32();
        var list = new List<string>(count);
        for (int i = 0; i < count; i++) list.Add(reader.ReadString());
        return list;
    }
}
