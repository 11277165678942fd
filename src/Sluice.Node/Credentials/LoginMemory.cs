using System.Text.Json;
using Sluice.Formats;
using Sluice.Kernel.Memory;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Node.Credentials;

/// <summary>
/// Keeps logins for the next daemon: a file in memory, never on a disk, that only root can read. It is written whole, beside and renamed. As long as this has written or read it and lives, its
/// pages are locked: they are not swapped out.
/// </summary>
/// <param name="path">In the state directory, which is a tmpfs.</param>
internal sealed class LoginMemory(string path) : IDisposable
{
    /// <summary>Of the file.</summary>
    public const int Version = 1;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _gate = new();
    private LockedFile? _locked;

    /// <summary>Null: the directory is in memory. Otherwise what it is on: nothing may be kept there.</summary>
    public string? Obstacle()
    {
        string type = new DriveInfo(Path.GetDirectoryName(path)!).DriveFormat;
        return type is "tmpfs" or "ramfs" ? null : type;
    }

    /// <summary>What an earlier daemon has left; nothing where that can't be read.</summary>
    public IReadOnlyList<RememberedLogin> Read()
    {
        try
        {
            lock (_gate) Lock(File.Exists(path) ? LockedFile.TryOpen(path) : null);
            return File.Exists(path) ? [.. JsonElement.Parse(File.ReadAllBytes(path)).EnumerateArray().Select(Parse)] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            Remove(); // half-written, or another version's; what it holds is not told
            return [];
        }
    }

    /// <param name="logins">Asked for under the lock, so that the last writer has the latest.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void Write(Func<IReadOnlyList<RememberedLogin>> logins)
    {
        lock (_gate)
        {
            using MemoryStream content = new();
            using (Utf8JsonWriter writer = new(content))
            {
                writer.WriteStartArray();
                foreach (RememberedLogin login in logins()) Write(writer, login);
                writer.WriteEndArray();
            }

            string beside = path + ".new";
            File.Delete(beside);
            LockedFile? locked;
            using (var file = new FileStream(beside, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, UnixCreateMode = OwnerOnly, BufferSize = 0 }))
            {
                file.SetLength(content.Length);
                locked = LockedFile.TryOpen(beside); // before anything secret is in it
                file.Write(content.GetBuffer().AsSpan(0, (int)content.Length));
            }

            File.Move(beside, path, overwrite: true);
            Lock(locked);
        }
    }

    public void Dispose()
    {
        lock (_gate) Lock(null);
    }

    public void Remove()
    {
        Dispose();
        if (!Directory.Exists(Path.GetDirectoryName(path))) return;
        File.Delete(path);
        File.Delete(path + ".new");
    }

    private void Lock(LockedFile? file)
    {
        _locked?.Dispose();
        _locked = file;
    }

    private static void Write(Utf8JsonWriter writer, RememberedLogin entry)
    {
        writer.WriteStartObject();
        writer.WriteString("host", entry.Host);
        writer.WriteString("repository", entry.Repository);
        writer.WriteString("used", entry.Used);
        writer.WriteStartArray("logins");
        foreach (RegistryCredential login in entry.Logins)
        {
            writer.WriteStartArray();
            foreach (string part in (string[])[login.User, login.Password.Reveal(), login.IdentityToken.Reveal(), login.RegistryToken.Reveal()]) writer.WriteStringValue(part);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static RememberedLogin Parse(JsonElement entry) => new(
        Text(entry.GetProperty("host")), Text(entry.GetProperty("repository")), [.. entry.GetProperty("logins").EnumerateArray().Select(ParseLogin)], entry.GetProperty("used").GetDateTimeOffset());

    private static RegistryCredential ParseLogin(JsonElement login)
    {
        string[] parts = [.. login.EnumerateArray().Select(Text)];
        return parts.Length == 4 ? new RegistryCredential(parts[0], new Secret(parts[1]), new Secret(parts[2]), new Secret(parts[3])) : throw new FormatException("not a login");
    }

    private static string Text(JsonElement value) => value.GetString() ?? throw new FormatException("not a text");
}
