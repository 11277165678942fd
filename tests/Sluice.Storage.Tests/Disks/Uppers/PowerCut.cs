namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>What is on the disk after a power cut: all that was synced, and any part of the rest, by sectors of 512 bytes.</summary>
internal static class PowerCut
{
    public static FileImage[] Take(IReadOnlyList<FileOperation> journal, int count, int seed)
    {
        var random = new Random(seed);
        double kept = (seed % 4) switch { 0 => 0, 1 => 0.5, 2 => 0.9, _ => 1 };
        FileImage[] images = [new(), new()];
        int[] synced = [0, 0];
        for (int i = 0; i < count; i++)
        {
            if (journal[i].Change == FileChange.Sync) synced[journal[i].File] = i;
        }

        for (int i = 0; i < count; i++)
        {
            FileOperation operation = journal[i];
            FileImage image = images[operation.File];
            if (i < synced[operation.File]) image.Apply(operation);
            else if (operation.Change == FileChange.SetLength && random.NextDouble() < kept) image.Apply(operation);
            else if (operation.Change is FileChange.Write or FileChange.Punch) Tear(image, operation, random, kept);
        }

        return images;
    }

    private static void Tear(FileImage image, FileOperation operation, Random random, double kept)
    {
        for (long at = 0; at < operation.Length;)
        {
            long length = Math.Min(operation.Length - at, 512 - ((operation.Offset + at) % 512));
            ReadOnlySpan<byte> data = operation.Data.Length == 0 ? [] : operation.Data.AsSpan((int)at, (int)length);
            if (random.NextDouble() < kept) image.Apply(operation.Change, operation.Offset + at, length, data);
            at += length;
        }
    }
}
