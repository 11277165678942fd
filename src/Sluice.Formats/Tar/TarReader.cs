using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>
/// Reads a tar archive front to back from any stream: V7, ustar, star, PAX and GNU archives, sparse files included.
/// </summary>
/// <remarks>
/// <para>
/// The archive ends with its first block of zeros or with the stream; what follows is not read. A caller who needs the
/// digest of the whole stream reads it on to its end.
/// </para>
/// <para>
/// Bad input ends in <see cref="InvalidFormatException"/>, after which the reader can't be used any more; errors of the
/// stream pass through. Memory is bounded (some ten MiB in the worst case). A hostile sparse file may however claim to be exabytes long:
/// callers decide what <see cref="TarEntry.Size"/> they accept, and skip holes by <see cref="HoleLength"/>.
/// </para>
/// <para>Not thread-safe.</para>
/// </remarks>
public sealed partial class TarReader(Stream stream, bool leaveOpen = false) : IDisposable
{
    private readonly TarInput _input = new(stream);
    private readonly EntryOverrides _global = new();
    private readonly EntryOverrides _overrides = new();
    private bool _ended;

    /// <summary>Bytes of the archive that have been consumed.</summary>
    public long Position => _input.Position;

    /// <summary>Where the current entry begins in the archive: its first header, extension headers included.</summary>
    public long EntryOffset { get; private set; }

    /// <summary>
    /// Where the content of the current entry begins in the archive. Stored runs follow one another without gaps, so without a
    /// sparse map byte i of the file is at <c>DataOffset + i</c>.
    /// </summary>
    public long DataOffset { get; private set; }

    /// <summary>The next entry, or null at the end of the archive. Skips what is left of the current entry's content.</summary>
    public TarEntry? ReadEntry()
    {
        if (_ended) return null;
        SkipStored();
        EntryOffset = _input.Position;
        _overrides.CopyFrom(_global);
        bool announced = false;
        for (int extensions = 0; extensions <= TarLimits.ExtensionHeaders; extensions++)
        {
            long offset = _input.Position;
            if (!_input.TryReadBlock("a header", out ReadOnlySpan<byte> block) || !block.ContainsAnyExcept((byte)0))
            {
                if (announced) throw TarError.At(offset, "the archive ends after an extension header");
                _ended = true;
                return null;
            }

            var header = new TarHeader(block, offset);
            header.VerifyChecksum();
            if (!IsExtension(header.Type)) return NewEntry(header);
            announced |= header.Type != TarTypeFlag.PaxGlobal && !IsSkipped(header.Type);
            ReadExtension(header);
        }

        throw TarError.At(EntryOffset, $"more than {TarLimits.ExtensionHeaders} extension headers in a row");
    }

    public void Dispose()
    {
        if (!leaveOpen) stream.Dispose();
    }

    private TarEntry NewEntry(in TarHeader header)
    {
        TarEntryType type = TypeOf(header);
        FileName path = PathOf(header);
        if (path.IsEmpty && type != TarEntryType.Directory) throw TarError.At(header.Offset, "an entry other than a directory has no name");
        FileName linkTarget = LinkTargetOf(header, type);
        uint userId = (uint?)_overrides.UserId ?? header.UnsignedNumber(TarLayout.UserId);
        uint groupId = (uint?)_overrides.GroupId ?? header.UnsignedNumber(TarLayout.GroupId);
        FileTime modificationTime = _overrides.ModificationTime ?? new FileTime(header.Number(TarLayout.ModificationTime), 0);
        var mode = (ushort)(header.Number(TarLayout.Mode) & 0xFFF);
        DeviceNumber device = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice ? DeviceOf(header) : default;

        // Last, because reading a sparse map invalidates the header.
        long size = BeginContent(header, type, path, out IReadOnlyList<SparseRun>? sparseMap);
        return new TarEntry
        {
            Path = path,
            Type = type,
            LinkTarget = linkTarget,
            Mode = mode,
            UserId = userId,
            GroupId = groupId,
            ModificationTime = modificationTime,
            AccessTime = _overrides.AccessTime,
            ChangeTime = _overrides.ChangeTime,
            Size = size,
            Device = device,
            ExtendedAttributes = _overrides.Attributes.Build(),
            SparseMap = sparseMap,
        };
    }
}
