using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>
/// What nydusd demands of a v6 bootstrap (<c>validate</c> in <c>rafs/src/metadata/layout/v6.rs</c> and <c>direct_v6.rs</c>), and
/// what the kernel's EROFS demands on top, checked on the raw bytes and without any code of the reader.
/// </summary>
internal sealed class NydusRules
{
    private readonly byte[] _boot;
    private readonly HashSet<(int, int, uint)> _listed = [];
    private readonly HashSet<long> _seen = [];

    private NydusRules(byte[] boot) => _boot = boot;

    public static void Check(byte[] bootstrap)
    {
        var rules = new NydusRules(bootstrap);
        rules.CheckSuperblock();
        rules.CheckExtension();
        rules.CheckBlobs();
        rules.ListChunks();
        int root = rules.U16(0x40E);
        rules.CheckDirectories(root);
    }

    private int BlockSize => 1 << _boot[0x40C];

    private bool Tarfs => (U64(0x480) & 0x200) != 0;

    private long MetaOffset => (long)U32(0x428) * BlockSize;

    private uint ChunkSize => U32(0x494);

    private int Blobs => U16(0x456);

    private void CheckSuperblock()
    {
        Assert.True(_boot.Length >= 4096 && _boot.Length % BlockSize == 0);
        Assert.Equal(0xE0F5E1E2, U32(0x400));
        Assert.Equal(0u, U32(0x404));
        Assert.NotEqual(0u, U32(0x408) & 0x4000_0000);
        Assert.Equal(0u, U32(0x408) & 1);
        Assert.Contains(_boot[0x40C], new byte[] { 9, 12 });
        Assert.Equal(0, _boot[0x40D]);
        Assert.NotEqual(0ul, U64(0x410));
        Assert.True(MetaOffset <= _boot.Length);
        Assert.Equal(0u, U32(0x42C));
        Assert.Equal(0xCu, U32(0x450));
        Assert.Equal(0, U16(0x454));
        Assert.Equal(11, U16(0x458));
        Assert.True(Blobs < 255);
        if (Blobs == 0) Assert.Contains(U32(0x424), new uint[] { 0, 4096 });
    }

    private void CheckExtension()
    {
        Assert.Equal(1, BitOperations.PopCount(U64(0x480) & 0xC3));
        Assert.Equal(1, BitOperations.PopCount(U64(0x480) & 0xC));
        Assert.True(BitOperations.IsPow2(ChunkSize) && ChunkSize is >= 0x1000 and <= 0x100_0000);
        long devicesEnd = 0x580 + (128L * Blobs);
        (long blobs, long blobBytes) = ((long)U64(0x488), U32(0x490));
        (long chunks, long chunkBytes) = ((long)U64(0x498), (long)U64(0x4A0));
        (long prefetch, long prefetchBytes) = ((long)U64(0x4A8), U32(0x4B0));
        Assert.Equal(256L * Blobs, blobBytes);
        Assert.True(blobs % 4096 == 0 && blobs >= 4096 && blobs >= devicesEnd && blobs + blobBytes <= _boot.Length);
        if (chunkBytes > 0)
        {
            Assert.True(chunks % 4096 == 0 && chunks >= devicesEnd && chunkBytes % 80 == 0 && chunks + chunkBytes <= _boot.Length);
            Assert.True(chunks >= blobs + blobBytes || chunks + chunkBytes <= blobs);
        }

        if (prefetchBytes == 0 || prefetch == 0) return;
        Assert.True(prefetch >= devicesEnd && prefetchBytes % 4 == 0 && prefetch + prefetchBytes <= _boot.Length);
        Assert.True(prefetch >= blobs + blobBytes || prefetch + prefetchBytes <= blobs);
        Assert.True(prefetch >= chunks + chunkBytes || prefetch + prefetchBytes <= chunks);
    }

    private void CheckBlobs()
    {
        uint blocks = 0;
        var ids = new HashSet<string>();
        for (int i = 0; i < Blobs; i++)
        {
            int slot = 0x580 + (128 * i), entry = (int)U64(0x488) + (256 * i);
            string id = Encoding.ASCII.GetString(_boot, slot, 64);
            Assert.True(ids.Add(id));
            Assert.Equal(id, Encoding.ASCII.GetString(_boot, entry, 64));
            Assert.NotEqual(0u, U32(slot + 64));
            Assert.Equal((ulong)U32(slot + 64) * (uint)BlockSize, U64(entry + 96));
            blocks += U32(slot + 64);
            Assert.Equal((uint)i, U32(entry + 64));
            Assert.Equal(ChunkSize, U32(entry + 68));
            Assert.True(U32(entry + 72) <= 1 << 24);
            Assert.True(U32(entry + 76) <= 3 && U32(entry + 80) <= 1 && U32(entry + 108) <= 3 && U32(entry + 216) <= 3);
            Assert.True(U64(entry + 88) <= 1ul << 40 && U64(entry + 96) <= 1ul << 44);
            uint features = U32(entry + 84);
            Assert.NotEqual(Tarfs, (features & 1) != 0);
            Assert.True(U64(entry + 120) <= U64(entry + 128));
            CheckChunkInfoSize(features, U32(entry + 72), U64(entry + 128));
        }

        if (Blobs > 0) Assert.Equal(blocks, U32(0x424));
    }

    private void CheckChunkInfoSize(uint features, ulong count, ulong size)
    {
        bool contexts = (features & 0x188) != 0;
        if ((features & 4) != 0) Assert.True(contexts ? size >= count * 24 : size == count * 24);
        else Assert.True(!contexts && (Tarfs || (features & 0x200) != 0 || size == count * 16));
    }

    private void ListChunks()
    {
        int start = (int)U64(0x498), end = start + (int)U64(0x4A0);
        for (int at = start; at < end; at += 80)
        {
            Assert.True(U32(at + 32) < (uint)Blobs);
            _listed.Add(((int)U32(at + 32) + 1, (int)U32(at + 72), (uint)(U64(at + 56) / (uint)BlockSize)));
        }
    }

    private void CheckDirectories(long root)
    {
        var pending = new Queue<long>([root]);
        while (pending.TryDequeue(out long nid))
        {
            int at = CheckInode(nid, out int head);
            string? previous = null;
            foreach ((string name, long child, byte type) in Entries(at, head))
            {
                Assert.True(previous is null || string.CompareOrdinal(previous, name) < 0, "names out of order");
                previous = name;
                if (name is "." or "..") continue;
                bool first = _seen.Add(child);
                int inode = first ? CheckInode(child, out head) : (int)(MetaOffset + (child * 32));
                Assert.Equal(DirentType(U16(inode + 4) >> 12), type);
                if (type == 2) pending.Enqueue(child);
                if (type == 1 && first) CheckChunks(inode, head);
                if (type == 7 && first) CheckTail(inode, head);
            }
        }
    }

    /// <summary>Only plain, inline and chunk-based layouts; links; extent of the inode.</summary>
    private int CheckInode(long nid, out int head)
    {
        int at = (int)(MetaOffset + (nid * 32));
        Assert.InRange(nid, 1, int.MaxValue);
        int format = U16(at);
        Assert.Contains(format >> 1, new[] { 0, 2, 4 });
        Assert.NotEqual(0u, (format & 1) == 0 ? U16(at + 6) : U32(at + 44));
        int count = U16(at + 2);
        head = ((format & 1) == 0 ? 32 : 64) + (count == 0 ? 0 : 12 + (4 * (count - 1)));
        Assert.True(at + head <= _boot.Length);
        return at;
    }

    /// <summary>From the type bits of a mode to the type of a directory entry.</summary>
    private static byte DirentType(int mode) => mode switch { 1 => 5, 2 => 3, 4 => 2, 6 => 4, 8 => 1, 10 => 7, 12 => 6, _ => 0 };

    private long Size(int inode) => (U16(inode) & 1) == 0 ? U32(inode + 8) : (long)U64(inode + 8);

    private void CheckTail(int inode, int head)
    {
        long tail = Size(inode) % BlockSize;
        if (U16(inode) >> 1 == 2) Assert.True(((inode + head) % BlockSize) + tail <= BlockSize, "tail crosses a block");
        Assert.NotEqual(0, Size(inode));
    }

    private IEnumerable<(string Name, long Nid, byte Type)> Entries(int inode, int head)
    {
        CheckTail(inode, head);
        long size = Size(inode);
        for (long start = 0; start < size; start += BlockSize)
        {
            int length = (int)Math.Min(BlockSize, size - start);
            bool inline = U16(inode) >> 1 == 2 && length < BlockSize;
            int block = inline ? inode + head : (int)(((long)U32(inode + 16) * BlockSize) + start);
            int count = U16(block + 8) / 12;
            for (int i = 0; i < count; i++)
            {
                int entry = block + (12 * i), name = U16(entry + 8);
                int end = i + 1 < count ? U16(entry + 12 + 8) : length;
                string text = Encoding.Latin1.GetString(_boot, block + name, end - name);
                if (i + 1 == count) text = text.TrimEnd('\0');
                Assert.InRange(text.Length, 1, 255);
                yield return (text, (long)U64(entry), _boot[entry + 10]);
            }
        }
    }

    private void CheckChunks(int inode, int head)
    {
        Assert.Equal(4, U16(inode) >> 1);
        uint format = U32(inode + 16);
        Assert.Equal(0x20u, format & ~0x1Fu);
        int at = inode + ((head + 7) & ~7);
        long count = (Size(inode) + ChunkSize - 1) / ChunkSize;
        Assert.True(at + (8 * count) <= _boot.Length);
        for (int i = 0; i < count; i++, at += 8)
        {
            Assert.InRange(_boot[at + 2], 1, Blobs);
            int number = U16(at) | (_boot[at + 3] << 16);
            if (!Tarfs) Assert.Contains((_boot[at + 2], number, U32(at + 4)), _listed);
        }
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_boot.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_boot.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_boot.AsSpan(at));
}
