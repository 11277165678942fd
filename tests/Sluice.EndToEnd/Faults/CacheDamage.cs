namespace Sluice.EndToEnd.Faults;

/// <summary>Seeded damage to the files below a mount's <c>--root</c>.</summary>
internal static class CacheDamage
{
    /// <summary>Damages one to four files; returns what was done, for the message of a failure.</summary>
    public static string Apply(string root, Random random)
    {
        string[] files = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock").Order(StringComparer.Ordinal)];
        List<string> done = [];
        for (int count = random.Next(1, 5); count > 0; count--)
        {
            string file = files[random.Next(files.Length)];
            if (File.Exists(file)) done.Add(Apply(file, files, random));
        }

        return string.Join(", ", done);
    }

    private static string Apply(string file, string[] files, Random random)
    {
        string name = Path.GetFileName(file);
        switch (random.Next(9))
        {
            case 0:
                using (FileStream cut = File.OpenWrite(file)) cut.SetLength(random.NextInt64(cut.Length + 1));
                return $"{name} cut";
            case 1:
                using (FileStream grown = File.OpenWrite(file)) grown.SetLength(grown.Length + random.Next(1, 10_000));
                return $"{name} longer";
            case 2:
                File.Delete(file);
                return $"{name} deleted";
            case 3:
                string other = files[random.Next(files.Length)];
                if (!File.Exists(other) || other == file) goto default;
                File.Move(file, file + ".swap");
                File.Move(other, file);
                File.Move(file + ".swap", other);
                return $"{name} swapped with {Path.GetFileName(other)}";
            case 4:
                File.Delete(file);
                Directory.CreateDirectory(Path.Combine(file, "inside"));
                return $"{name} became a directory";
            case 5:
                byte[] foreign = new byte[random.Next(20_000)];
                random.NextBytes(foreign);
                File.WriteAllBytes(file, foreign);
                return $"{name} foreign";
            case 6:
                Overwrite(file, random, 4096, static _ => 0);
                return $"{name} has a hole";
            default:
                for (int flips = random.Next(1, 9); flips > 0; flips--) Overwrite(file, random, 1, old => (byte)(old ^ (1 << random.Next(8))));
                return $"{name} has flipped bits";
        }
    }

    private static void Overwrite(string file, Random random, int length, Func<byte, byte> change)
    {
        byte[] content = File.ReadAllBytes(file);
        if (content.Length == 0) return;
        int at = random.Next(content.Length);
        for (int index = at; index < Math.Min(at + length, content.Length); index++) content[index] = change(content[index]);
        File.WriteAllBytes(file, content);
    }
}
