using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Tests.Disks.Uppers;

internal enum FileChange
{
    Write,
    Punch,
    SetLength,
    Sync,

    /// <summary>Of a name, which is the data.</summary>
    Create,
    Delete,
    SyncDirectory,
}

/// <summary>One call that an upper made; for a write with its bytes.</summary>
internal sealed record FileOperation(int File, FileChange Change, long Offset, long Length, byte[] Data);

/// <summary>A sparse file in memory: bytes, and which blocks of 4096 are allocated.</summary>
internal sealed class FileImage
{
    private readonly HashSet<long> _blocks = [];

    public byte[] Bytes { get; private set; } = [];

    public void Apply(FileOperation operation) => Apply(operation.Change, operation.Offset, operation.Length, operation.Data);

    public void Apply(FileChange change, long offset, long length, ReadOnlySpan<byte> data)
    {
        switch (change)
        {
            case FileChange.Write:
                if (Bytes.Length < offset + length) Resize(offset + length);
                data.CopyTo(Bytes.AsSpan((int)offset));
                for (long block = offset / 4096; block * 4096 < offset + length; block++) _blocks.Add(block);
                break;
            case FileChange.Punch:
                if (offset < Bytes.Length) Bytes.AsSpan((int)offset, (int)Math.Min(length, Bytes.Length - offset)).Clear();
                for (long block = (offset + 4095) / 4096; (block + 1) * 4096 <= offset + length; block++) _blocks.Remove(block);
                break;
            case FileChange.SetLength:
                Resize(length);
                _blocks.RemoveWhere(block => block * 4096 >= length);
                break;
        }
    }

    public (long Start, long End) FindData(long from)
    {
        long block = from / 4096, last = (Bytes.Length + 4095) / 4096;
        while (block < last && !_blocks.Contains(block)) block++;
        if (block >= last) return (from, from);
        long end = block;
        while (end < last && _blocks.Contains(end)) end++;
        return (Math.Max(from, block * 4096), Math.Min(Bytes.Length, end * 4096));
    }

    private void Resize(long length)
    {
        byte[] bytes = Bytes;
        Array.Resize(ref bytes, (int)length);
        Bytes = bytes;
    }
}

/// <summary>A file that records what is done to it and fails when told to.</summary>
internal sealed class RecordingFile(int number, FileImage image, List<FileOperation> journal) : IUpperFile
{
    public UpperError NextWrite { get; set; }

    public UpperError NextSync { get; set; }

    /// <summary>Called before and after each change.</summary>
    public Action Boundary { get; set; } = () => { };

    public UpperError GetLength(out long length)
    {
        length = image.Bytes.Length;
        return UpperError.None;
    }

    public UpperError Read(long offset, Span<byte> destination)
    {
        if (offset + destination.Length > image.Bytes.Length) return UpperError.InputOutput;
        image.Bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        return UpperError.None;
    }

    public UpperError Write(long offset, ReadOnlySpan<byte> data)
    {
        UpperError error = NextWrite;
        NextWrite = UpperError.None;

        // A write that fails has done half of its work.
        if (error != UpperError.None) data = data[..(data.Length / 1024 * 512)];
        Do(FileChange.Write, offset, data.Length, data.ToArray());
        return error;
    }

    public UpperError Sync()
    {
        UpperError error = NextSync;
        NextSync = UpperError.None;
        if (error == UpperError.None) Do(FileChange.Sync, 0, 0, []);
        return error;
    }

    public UpperError SetLength(long length) => Do(FileChange.SetLength, 0, length, []);

    public UpperError Punch(long offset, long length) => Do(FileChange.Punch, offset, length, []);

    public UpperError FindData(long from, out long start, out long end)
    {
        (start, end) = image.FindData(from);
        return UpperError.None;
    }

    public void Dispose()
    {
    }

    private UpperError Do(FileChange change, long offset, long length, byte[] data)
    {
        var operation = new FileOperation(number, change, offset, length, data);
        Boundary();
        image.Apply(operation);
        journal.Add(operation);
        Boundary();
        return UpperError.None;
    }
}
