using Sluice.Build.Layers;
using Sluice.Build.Look;
using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Commit;

/// <summary>
/// Writes what an overlayfs upper directory holds as the tar of an OCI layer: whiteouts and opaque marks become entries, links stay
/// links, overlayfs' own notes are left out. Deterministic for a tree that nobody changes.
/// </summary>
internal sealed class UpperTar(TarWriter tar, CancellationToken cancellation)
{
    /// <summary>Deeper ones could not be named by a path either.</summary>
    private const int MaxDepth = 2048;

    /// <summary>A file with more parts is written with its holes.</summary>
    private const int MaxRuns = 1 << 16;

    /// <summary>Bytes of holes that are written as zeros at most, for one file: a container can make files of any size for nothing.</summary>
    private const long MaxWrittenHoles = 1L << 30;

    private readonly Dictionary<(ulong, ulong), FileName> _links = [];
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(1 << 20);

    /// <summary>What is left out, one line each.</summary>
    public List<string> Warnings { get; } = [];

    /// <exception cref="SluiceException">A file can't be read, or shows content of another place (redirects, copies of metadata only).</exception>
    public void Write(string directory)
    {
        using UpperReader root = UpperReader.Open(directory);
        Add(root, default, root.Self());
        WriteChildren(root, default, 0);
        tar.Finish();
    }

    private void WriteChildren(UpperReader directory, FileName path, int depth)
    {
        if (depth > MaxDepth) throw new SluiceException(SluiceError.Runtime, directory.Path, $"directories are nested more than {MaxDepth} deep");
        foreach (FileName name in directory.Names())
        {
            cancellation.ThrowIfCancellationRequested();
            if (directory.Find(name) is not { } node) continue;
            FileName full = Join(path, name);
            if (node.IsWhiteout) AddMark(path, new FileName([.. ".wh."u8, .. name.Bytes]));
            else if (LayerMarks.IsMark(name.Bytes)) Warnings.Add($"'{PrintableName.Of(full)}' would be taken for a whiteout; it is left out");
            else if (node.Type == FileType.Socket) Warnings.Add($"the socket '{PrintableName.Of(full)}' is left out");
            else if (node.Type == FileType.Directory) WriteDirectory(directory, name, full, node, depth);
            else WriteFile(directory, name, full, node);
        }
    }

    private void WriteDirectory(UpperReader parent, FileName name, FileName path, UpperNode node, int depth)
    {
        if (node.IsRedirected) throw Elsewhere(parent, name, "shows a directory of another name (redirect_dir)");
        using UpperReader directory = parent.Open(name);
        Add(directory, path, node);
        WriteChildren(directory, path, depth + 1);
    }

    private void Add(UpperReader directory, FileName path, UpperNode node)
    {
        tar.WriteEntry(Describe(path, TarEntryType.Directory, node));
        if (node.IsOpaque) AddMark(path, new FileName(".wh..wh..opq"));
    }

    private void AddMark(FileName directory, FileName name) => tar.WriteEntry(new TarEntry { Path = Join(directory, name), Type = TarEntryType.Regular }, []);

    private void WriteFile(UpperReader directory, FileName name, FileName path, UpperNode node)
    {
        if (node.IsMetadataOnly) throw Elsewhere(directory, name, "has its content in a lower layer (metacopy)");
        if (node.Links > 1 && !_links.TryAdd(node.Identity, path))
        {
            tar.WriteEntry(new TarEntry { Path = path, Type = TarEntryType.HardLink, LinkTarget = _links[node.Identity] });
            return;
        }

        switch (node.Type)
        {
            case FileType.SymbolicLink:
                tar.WriteEntry(Describe(path, TarEntryType.SymbolicLink, node, directory.ReadLink(name)));
                break;
            case FileType.Regular:
                WriteContent(directory, name, path, node);
                break;
            default:
                tar.WriteEntry(Describe(path, (TarEntryType)node.Type, node));
                break;
        }
    }

    private void WriteContent(UpperReader directory, FileName name, FileName path, UpperNode node)
    {
        string place = $"{directory.Path}/{name}";
        int file = directory.OpenFile(name, node);
        try
        {
            bool hasHoles = node.Blocks * 512 < node.Size;
            List<SparseRun>? runs = hasHoles ? UpperReader.Runs(file, node.Size, MaxRuns, place) : null;
            if (hasHoles && runs is null && node.Size - (node.Blocks * 512) > MaxWrittenHoles)
                throw new SluiceException(SluiceError.Runtime, place, $"has more than {MaxRuns} parts in {node.Size} bytes that are mostly holes; that can't be committed", "remove it, or start the container with a disk of its own");
            tar.WriteEntry(Describe(path, TarEntryType.Regular, node, default, node.Size, runs));
            foreach (SparseRun run in runs ?? [new SparseRun(0, node.Size)]) Copy(file, run, place);
        }
        finally
        {
            _ = Posix.Close(file);
        }
    }

    private void Copy(int file, SparseRun run, string path)
    {
        for (long at = run.Offset, end = run.Offset + run.Length; at < end;)
        {
            Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(end - at, _buffer.Length));
            if (UpperReader.Read(file, at, part, path) < part.Length) throw new SluiceException(SluiceError.Runtime, path, "became shorter while it was read", "stop the container or its writers, then try again");
            tar.WriteContent(part);
            at += part.Length;
        }
    }

    private static TarEntry Describe(FileName path, TarEntryType type, UpperNode node, FileName target = default, long size = 0, IReadOnlyList<SparseRun>? runs = null) => new()
    {
        Path = path,
        Type = type,
        LinkTarget = target,
        Mode = node.Mode,
        UserId = node.UserId,
        GroupId = node.GroupId,
        ModificationTime = node.ModificationTime,
        Size = size,
        Device = node.Type is FileType.CharacterDevice or FileType.BlockDevice ? node.Device : default,
        ExtendedAttributes = OverlayAttributes.Without(node.Attributes),
        SparseMap = runs,
    };

    private static SluiceException Elsewhere(UpperReader directory, FileName name, string what) => new(
        SluiceError.Kernel, $"{directory.Path}/{name}", $"overlayfs {what}; such changes can't be committed",
        "start containers that are to be committed with echo N > /sys/module/overlay/parameters/redirect_dir (and metacopy), or with a disk of their own");

    private static FileName Join(FileName directory, FileName name) => directory.IsEmpty ? name : new FileName([.. directory.Bytes, (byte)'/', .. name.Bytes]);
}
