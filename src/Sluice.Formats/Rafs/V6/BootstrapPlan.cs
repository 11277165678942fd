using System.Collections;
using System.Runtime.InteropServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Where everything of a bootstrap will be, and the checks that need the tree. Nothing is written yet.</summary>
internal sealed class BootstrapPlan
{
    private const string Culprit = "rafs";
    private readonly List<UsedChunk> _chunks = [];
    private readonly BitArray[] _seen;
    private readonly List<DroppedAttribute> _dropped = [];
    private readonly List<DirectoryName> _names = [];
    private readonly SlotAllocator _allocator;
    private bool _hasXattr;

    public BootstrapPlan(RafsImage image)
    {
        BlobChecks.Check(image);
        Image = image;
        Tree = new TreePlan(image.Root);
        BlobTableOffset = ErofsLayout.AlignUp(
            RafsV6Layout.DeviceTableOffset + ((long)image.Blobs.Count * ErofsLayout.DeviceSlotSize), RafsV6Layout.TableAlignment);
        long tablesEnd = BlobTableOffset + ((long)image.Blobs.Count * BlobTableEntry.Size);
        PrefetchNids = image.Blobs.Count == 0 ? [] : new uint[image.Prefetch.Count];
        PrefetchOffset = PrefetchNids.Length == 0 ? 0 : tablesEnd;
        MetaOffset = ErofsLayout.AlignUp(tablesEnd + (PrefetchNids.Length * sizeof(uint)), RafsV6Layout.TableAlignment);

        _seen = [.. image.Blobs.Select((_, i) => new BitArray(image.Chunks[i].Length))];
        _allocator = new SlotAllocator(MetaOffset + RafsV6Layout.TableAlignment, image.BlockSize);
        for (int i = 0; i < Tree.Inodes.Length; i++) Place(i, ref Tree.Inodes[i]);
        CollectionsMarshal.AsSpan(_chunks).Sort();
        for (int i = 0; i < PrefetchNids.Length; i++) PrefetchNids[i] = FindPrefetch(image.Prefetch[i]);

        ChunkTableOffset = ErofsLayout.AlignUp(_allocator.End, RafsV6Layout.TableAlignment);
        Length = ErofsLayout.AlignUp(ChunkTableOffset + ((long)_chunks.Count * ChunkTableEntry.Size), RafsV6Layout.TableAlignment);
        if (Length >= RafsV6Layout.MaxBootstrapSize)
            throw new SluiceException(SluiceError.Image, Culprit, $"the bootstrap would have {Length} bytes; 2 GiB is the format's limit");
        Flags = BlobChecks.Flags(image, _hasXattr);
    }

    public RafsImage Image { get; }

    public TreePlan Tree { get; }

    public RafsFlags Flags { get; }

    public long BlobTableOffset { get; }

    /// <summary>0 without prefetch table.</summary>
    public long PrefetchOffset { get; }

    public uint[] PrefetchNids { get; }

    public long MetaOffset { get; }

    public long ChunkTableOffset { get; }

    public long Length { get; }

    /// <summary>Sorted as the chunk table.</summary>
    public ReadOnlySpan<UsedChunk> Chunks => CollectionsMarshal.AsSpan(_chunks);

    public ulong NidOf(int position) => (ulong)(Tree.Inodes[position].Offset - MetaOffset) / ErofsLayout.SlotSize;

    public RafsWriteReport Report() =>
        new() { Size = Length, Inodes = Tree.Inodes.Length, Chunks = _chunks.Count, Dropped = _dropped };

    /// <summary>Collects the names of a directory with their nids; those are wrong until everything has its place.</summary>
    public void CollectNames(int directory, List<DirectoryName> names)
    {
        PlannedInode planned = Tree.Inodes[directory];
        DirectoryBlocks.Collect(planned.Inode.Entries!, names, which =>
        {
            int position = which switch { -1 => directory, -2 => planned.Parent, _ => Tree.Names[planned.FirstName + which] };
            return (NidOf(position), DirectoryEntryType.Of(Tree.Inodes[position].Inode.Type));
        });
    }

    private void Place(int position, ref PlannedInode planned)
    {
        Inode inode = planned.Inode;
        CheckAttributes(position, inode);
        planned.XattrSize = MeasureXattrs(position, inode);
        int head = ErofsLayout.ExtendedInodeSize + planned.XattrSize;
        switch (inode.Type)
        {
            case FileType.Directory:
                CollectNames(position, _names);
                planned.Size = DirectoryBlocks.Measure(_names, Image.BlockSize);
                PlaceFlat(ref planned, head);
                break;
            case FileType.SymbolicLink:
                if (inode.LinkTarget.Length is 0 or >= ErofsLayout.MaxLinkLength || inode.LinkTarget.Bytes.Contains((byte)0))
                    throw Invalid(position, "a symbolic link without a usable target");
                planned.Size = inode.LinkTarget.Length;
                PlaceFlat(ref planned, head);
                break;
            case FileType.Regular:
                AddChunks(position, inode);
                planned.Size = inode.Size;
                planned.Layout = ErofsDataLayout.ChunkBased;
                planned.Offset = _allocator.Place(
                    ErofsLayout.AlignUp(head, ErofsLayout.ChunkAddressSize) + ((long)inode.Chunks.Count * ErofsLayout.ChunkAddressSize));
                break;
            default:
                planned.Offset = _allocator.Place(head);
                break;
        }
    }

    private void CheckAttributes(int position, Inode inode)
    {
        if (DirectoryEntryType.Of(inode.Type) == 0) throw Invalid(position, $"unknown file type {(int)inode.Type:x}");
        if (inode.Mode > 0xFFF) throw Invalid(position, $"mode {Convert.ToString(inode.Mode, 8)} has more than permission bits");
        if (inode.ModificationTime.Nanoseconds > 999_999_999) throw Invalid(position, "nanoseconds beyond a second");
        bool device = inode.Type is FileType.CharacterDevice or FileType.BlockDevice;
        if (device && !ErofsLayout.CanEncode(inode.Device)) throw Invalid(position, $"device number {inode.Device} is too large");
    }

    private int MeasureXattrs(int position, Inode inode)
    {
        for (int i = 0; i < inode.ExtendedAttributes.Count; i++)
        {
            ExtendedAttribute attribute = inode.ExtendedAttributes[i];
            if (!XattrBody.Fits(attribute)) _dropped.Add(new DroppedAttribute(Tree.PathOf(position), attribute.Name));
        }

        long size = XattrBody.Measure(inode.ExtendedAttributes);
        if (size > ErofsXattr.MaxBodySize) throw Invalid(position, $"{size} bytes of extended attributes; EROFS holds 256 KiB");
        _hasXattr |= size > 0;
        return (int)size;
    }

    /// <summary>Inline tail where inode, attributes and tail fit one block; else whole blocks.</summary>
    private void PlaceFlat(ref PlannedInode planned, int head)
    {
        long tail = planned.Size % Image.BlockSize;
        if (tail == 0 || head + tail > Image.BlockSize)
        {
            planned.Layout = ErofsDataLayout.FlatPlain;
            planned.Offset = _allocator.Place(head);
            planned.DataOffset = _allocator.PlaceBlocks(planned.Size);
            return;
        }

        planned.Layout = ErofsDataLayout.FlatInline;
        planned.Offset = _allocator.PlaceInOneBlock(head + (int)tail);
        if (planned.Size > tail) planned.DataOffset = _allocator.PlaceBlocks(planned.Size - tail);
    }

    private void AddChunks(int position, Inode inode)
    {
        if (inode.Size < 0) throw Invalid(position, "negative size");
        long expected = (inode.Size / Image.ChunkSize) + (inode.Size % Image.ChunkSize == 0 ? 0 : 1);
        if (inode.Chunks.Count != expected) throw Invalid(position, $"{inode.Chunks.Count} chunks, but its size needs {expected}");
        long offset = 0;
        foreach (ChunkReference reference in inode.Chunks)
        {
            ChunkInfo chunk = Find(position, reference);
            long length = Math.Min(Image.ChunkSize, inode.Size - offset);
            if (chunk.UncompressedSize != length)
                throw Invalid(position, $"its chunk at {offset} has {chunk.UncompressedSize} bytes instead of {length}");
            if (!_seen[reference.Blob][reference.Chunk])
            {
                _seen[reference.Blob][reference.Chunk] = true;
                _chunks.Add(new UsedChunk(chunk.Digest, reference.Blob, reference.Chunk, offset));
            }

            offset += length;
        }
    }

    private ChunkInfo Find(int position, ChunkReference reference)
    {
        if ((uint)reference.Blob >= (uint)Image.Blobs.Count) throw Invalid(position, $"blob {reference.Blob} does not exist");
        ChunkInfo[] chunks = Image.Chunks[reference.Blob];
        if ((uint)reference.Chunk >= (uint)chunks.Length) throw Invalid(position, $"{reference} does not exist");
        if (reference.Chunk >= RafsV6Layout.MaxChunksPerBlob) throw Invalid(position, $"{reference} is beyond 24 bits");
        ChunkInfo chunk = chunks[reference.Chunk];
        long end = chunk.UncompressedOffset + chunk.UncompressedSize;
        if (chunk.UncompressedOffset % Image.BlockSize != 0 || chunk.UncompressedOffset < 0 || end > Image.Blobs[reference.Blob].UncompressedSize)
            throw Invalid(position, $"{reference} is not on a block of its blob");
        return chunk;
    }

    private uint FindPrefetch(Inode inode)
    {
        int position = Tree.Find(inode);
        if (position < 0) throw new SluiceException(SluiceError.Image, Culprit, "the prefetch list holds an inode that is not in the tree");
        return (uint)NidOf(position);
    }

    private SluiceException Invalid(int position, string message) => new(SluiceError.Image, Culprit, $"{Tree.PathOf(position)}: {message}");
}
