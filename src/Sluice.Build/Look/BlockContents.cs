using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>
/// The contents of an OverlayBD image: the tree of the file system on its device. Reading the tree costs the layers' indexes and
/// the blocks that hold directories and inodes.
/// </summary>
internal sealed class BlockContents : ImageContents
{
    /// <summary>Metadata of a file system lies together.</summary>
    private const int MetadataWindow = 64 << 10;

    /// <summary>A file's last block is read by itself: this mostly brings it along.</summary>
    private const int MinWindow = 8 << 10;

    private const int BufferSize = 1 << 20;
    private const ushort LostAndFoundMode = 0x1C0; // 0700

    private static readonly FileName LostAndFound = new("lost+found");

    private readonly RemoteBlockImage _remote;
    private readonly BlockContentReader _reader;
    private readonly Ext4Image _fileSystem;

    private BlockContents(StoredImage image, RemoteBlockImage remote, int window)
        : base(image)
    {
        _remote = remote;
        _reader = new BlockContentReader(remote) { Window = MetadataWindow };
        _fileSystem = Ext4Reader.Read(_reader);
        _reader.Window = Math.Max(window, MinWindow);
        if (Root.Entries!.TryGetValue(LostAndFound, out Inode? found) && IsLostAndFound(new FileName("/lost+found"), found)) Root.Entries.Remove(LostAndFound);
    }

    /// <summary>Without the file system's own <c>lost+found</c>.</summary>
    public override Inode Root => _fileSystem.Root;

    public override long BytesFetched => _reader.BytesFetched;

    public static async Task<BlockContents> LoadAsync(StoredImage image, int window, CancellationToken cancellation)
    {
        RemoteBlockImage remote = await RemoteBlockImage.LoadAsync(image, cancellation);
        try
        {
            return new BlockContents(image, remote, window);
        }
        catch
        {
            remote.Dispose();
            throw;
        }
    }

    /// <summary>True for what mkfs makes and nobody has used: it can't be told from a directory of the image that looks the same.</summary>
    public static bool IsLostAndFound(FileName path, Inode inode) =>
        path == new FileName("/lost+found") && inode is { Type: FileType.Directory, Mode: LostAndFoundMode, UserId: 0, GroupId: 0, Entries.Count: 0, ExtendedAttributes.Count: 0 };

    public override async Task ReadAsync(IReadOnlyCollection<Inode> files, IFileSink sink, CancellationToken cancellation)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferSize);
        foreach (Inode file in files.OrderBy(PlaceOf))
        {
            await sink.BeginAsync(file, cancellation);
            for (long at = 0; at < file.Size;)
            {
                cancellation.ThrowIfCancellationRequested();
                int read = _fileSystem.ReadContent(file, at, buffer);
                await sink.WriteAsync(buffer.AsMemory(0, read), cancellation);
                at += read;
            }

            await sink.EndAsync(cancellation);
        }
    }

    public override void Dispose()
    {
        _remote.Dispose();
        base.Dispose();
    }

    private (int Layer, long Sector) PlaceOf(Inode file) =>
        _fileSystem.ExtentsOf(file) is { Count: > 0 } extents ? _reader.PlaceOf(extents[0].Physical) : default;
}
