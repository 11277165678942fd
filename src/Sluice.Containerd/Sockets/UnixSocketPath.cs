using System.Net.Sockets;
using System.Text;
using Sluice.Containerd.Files;
using Sluice.Formats;

namespace Sluice.Containerd.Sockets;

/// <summary>Taking over a path for a listening unix socket.</summary>
internal static class UnixSocketPath
{
    /// <summary>sun_path of sockaddr_un holds 108 bytes with the final zero. Source: unix(7).</summary>
    private const int MaxLength = 107;

    /// <summary>As many as the kernel takes by default (net.core.somaxconn was 128 for long).</summary>
    private const int Backlog = 128;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Searchable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Removes what a dead server left behind; throws when somebody still listens or the path can't be used.</summary>
    public static void Claim(string path)
    {
        if (!Path.IsPathRooted(path)) throw new SluiceException(SluiceError.Configuration, path, "the path of a socket must be absolute");
        if (Encoding.UTF8.GetByteCount(path) > MaxLength)
        {
            throw new SluiceException(SluiceError.Configuration, path, $"the path of a socket may have at most {MaxLength} bytes");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!, Searchable);
        if (!FileStatus.TryRead(path, out FileStatus status)) return;
        if (!status.IsSocket) throw new SluiceException(SluiceError.Configuration, path, "exists and is not a socket", "choose another address, or remove it");
        if (IsListening(path))
        {
            throw new SluiceException(SluiceError.Configuration, path, "another process listens on this socket", "stop it or choose another address");
        }

        File.Delete(path);
    }

    /// <summary>
    /// Binds with mode 0600 before anybody can connect: the kernel refuses connections until listen(2). When it is closed .NET removes the name that a socket was bound to,
    /// whoever has it by then; so it is bound to another name, and renamed.
    /// </summary>
    /// <param name="listens">At once: in place of what is there, from one moment to the next.</param>
    public static Socket Bind(string path, bool listens = false)
    {
        string bound = Path.Combine(Path.GetDirectoryName(path)!, $".{Environment.ProcessId}");
        if (Encoding.UTF8.GetByteCount(bound) > MaxLength) bound = path;
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(bound);
            socket.Bind(new UnixDomainSocketEndPoint(bound));
            File.SetUnixFileMode(bound, OwnerOnly);
            if (listens) socket.Listen(Backlog);
            if (bound != path) File.Move(bound, path, overwrite: true);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsListening(string path)
    {
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
