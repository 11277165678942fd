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

    /// <summary>The same for any number of files in a directory: names are there when it was synced since, and perhaps otherwise.</summary>
    public static Dictionary<string, FileImage> TakeDirectory(IReadOnlyList<FileOperation> journal, int count, int seed)
    {
        var random = new Random(seed);
        double kept = (seed % 4) switch { 0 => 0, 1 => 0.5, 2 => 0.9, _ => 1 };
        Dictionary<int, int> synced = [];
        int named = -1;
        for (int i = 0; i < count; i++)
        {
            if (journal[i].Change == FileChange.Sync) synced[journal[i].File] = i;
            if (journal[i].Change == FileChange.SyncDirectory) named = i;
        }

        Dictionary<int, FileImage> images = [];
        Dictionary<string, FileImage> names = [];
        for (int i = 0; i < count; i++)
        {
            FileOperation operation = journal[i];
            if (!images.TryGetValue(operation.File, out FileImage? image)) images.Add(operation.File, image = new FileImage());
            switch (operation.Change)
            {
                case FileChange.Create when i < named || random.NextDouble() < kept:
                    names[System.Text.Encoding.UTF8.GetString(operation.Data)] = image;
                    break;
                case FileChange.Delete when i < named || random.NextDouble() < kept:
                    names.Remove(System.Text.Encoding.UTF8.GetString(operation.Data));
                    break;
                case FileChange.SetLength when i < synced.GetValueOrDefault(operation.File, -1) || random.NextDouble() < kept:
                    image.Apply(operation);
                    break;
                case FileChange.Write or FileChange.Punch when i < synced.GetValueOrDefault(operation.File, -1):
                    image.Apply(operation);
                    break;
                case FileChange.Write or FileChange.Punch:
                    Tear(image, operation, random, kept);
                    break;
            }
        }

        return names;
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
