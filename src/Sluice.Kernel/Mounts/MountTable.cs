using System.Buffers;
using System.Globalization;
using System.Text;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// The mounts of this process's namespace, from <c>/proc/self/mountinfo</c> (proc_pid_mountinfo(5)). Reading it touches
/// no mount, so it can't hang on a dead one, unlike <c>stat</c>.
/// </summary>
public static class MountTable
{
    /// <summary>The kernel writes these as three octal digits.</summary>
    private static readonly SearchValues<char> Escaped = SearchValues.Create(" \t\n#\\");

    /// <summary>All mounts, oldest first where one hides another.</summary>
    public static IReadOnlyList<MountEntry> Read() => Parse(ReadText());

    /// <summary>The topmost mount at exactly this path, or null. Symbolic links are not followed.</summary>
    public static MountEntry? Find(string mountPoint)
    {
        return FindIn(ReadText(), Path.TrimEndingDirectorySeparator(Path.GetFullPath(mountPoint)));
    }

    /// <summary>Of a node's hundreds of long lines it takes only those apart that may be the one.</summary>
    internal static MountEntry? FindIn(ReadOnlySpan<byte> text, string path)
    {
        byte[] field = path.AsSpan().ContainsAny(Escaped) ? [] : Encoding.UTF8.GetBytes($" {path} ");
        MountEntry? found = null;
        foreach (Range line in text.Split((byte)'\n'))
        {
            if (text[line].IndexOf(field) >= 0 && ParseLine(Encoding.UTF8.GetString(text[line])) is { } entry && entry.MountPoint == path) found = entry;
        }

        return found;
    }

    /// <summary>Mounts at or below a path, topmost first: the order to unmount them in.</summary>
    public static IReadOnlyList<MountEntry> Below(string directory)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        string prefix = path == "/" ? path : path + "/";
        return [.. Read().Where(entry => entry.MountPoint == path || entry.MountPoint.StartsWith(prefix, StringComparison.Ordinal)).Reverse()];
    }

    /// <summary>Makes the file system that is mounted at a path answer a request: statfs(2), which is never cached. Blocks until it has.</summary>
    internal static unsafe void AskServer(string mountPoint)
    {
        byte* answer = stackalloc byte[256]; // struct statfs has 120
        Libc.StatFs(mountPoint, answer);
    }

    internal static IReadOnlyList<MountEntry> Parse(ReadOnlySpan<byte> text)
    {
        var entries = new List<MountEntry>();
        foreach (Range line in text.Split((byte)'\n'))
        {
            if (ParseLine(Encoding.UTF8.GetString(text[line])) is { } entry) entries.Add(entry);
        }

        return entries;
    }

    /// <summary><c>36 35 98:0 /root /point rw,noatime [optional fields] - type source super-options</c>.</summary>
    private static MountEntry? ParseLine(string line)
    {
        string[] fields = line.Split(' ');
        int dash = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
        if (dash < 0 || fields.Length < dash + 4) return null;
        string[] device = fields[2].Split(':');
        if (device.Length != 2 || !TryNumber(fields[0], out int id) || !TryNumber(device[0], out int major) || !TryNumber(device[1], out int minor)) return null;
        return new MountEntry(id, major, minor, Unescape(fields[3]), Unescape(fields[4]), fields[5], fields[dash + 1], Unescape(fields[dash + 2]), fields[dash + 3]);
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static byte[] ReadText() => File.ReadAllBytes("/proc/self/mountinfo");

    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal)) return field;
        var text = new StringBuilder(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) && IsOctal(field[i + 3]))
            {
                text.Append((char)((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }

        return text.ToString();
    }

    private static bool IsOctal(char digit) => digit is >= '0' and <= '7';
}
