using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sluice.Formats.Trees;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>A file system as Linux shows it, one line a name, and the same lines from a tree in memory.</summary>
internal static class KernelView
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Mounts the image, runs a script in it (it may change things if <paramref name="writable"/>), lists it, and unmounts.</summary>
    public static string[] Mount(string image, bool writable, string script = "true")
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting needs root");
        string target = Directory.CreateTempSubdirectory("sluice-test-mount-").FullName;
        try
        {
            (int exitCode, string output) = Run("mount", "-t", "ext4", "-o", writable ? "loop,rw" : "loop,ro", image, target);
            if (exitCode != 0 && output.Contains("loop device", StringComparison.Ordinal)) Assert.Skip($"no loop devices here: {output}");
            Assert.True(exitCode == 0, output);
            try
            {
                (exitCode, output) = Run("bash", "-ec", $"cd {target}\n{script}");
                Assert.True(exitCode == 0, output);
                (exitCode, output) = Run("python3", Path.Combine(AppContext.BaseDirectory, "list-tree.py"), target);
                Assert.True(exitCode == 0, output);
                return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(FromJson).Where(IsImage).Order(StringComparer.Ordinal)];
            }
            finally
            {
                (exitCode, output) = Run("umount", target);
                if (exitCode != 0) Run("umount", "-l", target);
                Assert.True(exitCode == 0, output);
            }
        }
        finally
        {
            Directory.Delete(target);
        }
    }

    public static string[] Of(Inode root, Func<Inode, byte[]> content)
    {
        IReadOnlyDictionary<Inode, uint> links = TreeWalk.CountLinks(root);
        return [.. TreeWalk.DepthFirst(root).Select(entry => Line(entry, links[entry.Inode], content)).Where(IsImage).Order(StringComparer.Ordinal)];
    }

    private static bool IsImage(string line) => !line.StartsWith("lost+found|", StringComparison.Ordinal) && !line.StartsWith('|');

    private static string Line(TreeEntry entry, uint links, Func<Inode, byte[]> content)
    {
        Inode inode = entry.Inode;
        (string type, string special) = inode.Type switch
        {
            FileType.Directory => ("directory", ""),
            FileType.Regular => ("file", Convert(inode.Size) + " " + System.Convert.ToHexStringLower(SHA256.HashData(content(inode)))),
            FileType.SymbolicLink => ("link", Text(inode.LinkTarget)),
            FileType.Fifo => ("fifo", ""),
            FileType.Socket => ("socket", ""),
            FileType.CharacterDevice => ("char", $"{inode.Device.Major}:{inode.Device.Minor}"),
            _ => ("block", $"{inode.Device.Major}:{inode.Device.Minor}"),
        };
        string time = Convert((inode.ModificationTime.Seconds * 1_000_000_000) + inode.ModificationTime.Nanoseconds);
        string attributes = string.Join(' ', inode.ExtendedAttributes.Select(a => $"{a.Name}={System.Convert.ToHexStringLower(a.Value)}"));
        string mode = System.Convert.ToString(inode.Mode, 8).PadLeft(4, '0');
        return $"{Text(new FileName(entry.Path.Bytes[1..]))}|{type}|{mode}|{inode.UserId}|{inode.GroupId}|{links}|{time}|{attributes}|{special}";
    }

    private static string FromJson(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        string Get(string name) => document.RootElement.TryGetProperty(name, out JsonElement value) ? value.GetString()! : "";
        string special = Get("type") switch
        {
            "file" => $"{Get("size")} {Get("sha256")}",
            "link" => Get("target"),
            _ => Get("rdev"),
        };
        return $"{Get("path")}|{Get("type")}|{Get("mode")}|{Get("uid")}|{Get("gid")}|{Get("nlink")}|{Get("mtime")}|{Get("xattrs")}|{special}";
    }

    /// <summary>As the lister shows names: UTF-8 where it is, <c>\xNN</c> where not.</summary>
    private static string Text(FileName path) => string.Join('/', Split(path).Select(part =>
    {
        try
        {
            return Strict.GetString(part);
        }
        catch (DecoderFallbackException)
        {
            return string.Concat(part.Select(value => value < 0x80 ? ((char)value).ToString() : $"\\x{value:x2}"));
        }
    }));

    private static IEnumerable<byte[]> Split(FileName path)
    {
        byte[] bytes = path.Bytes.ToArray();
        int start = 0;
        for (int i = 0; i <= bytes.Length; i++)
        {
            if (i < bytes.Length && bytes[i] != (byte)'/') continue;
            yield return bytes[start..i];
            start = i + 1;
        }
    }

    private static string Convert(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["LC_ALL"] = "C.UTF-8" } };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
