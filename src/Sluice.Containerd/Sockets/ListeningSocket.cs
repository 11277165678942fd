using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Containerd.Files;
using Sluice.Formats;

namespace Sluice.Containerd.Sockets;

/// <summary>
/// A listening unix socket at a path, with mode 0600. It may be an earlier process's, which a keeper has held since (<see cref="Adopt"/>): the kernel lets clients wait in its
/// line as long as anybody has it open.
/// </summary>
public sealed class ListeningSocket : IDisposable
{
    /// <summary>What names of sockets at a keeper begin with.</summary>
    public const string NamePrefix = "listener.";

    /// <summary>sun_path of sockaddr_un holds 108 bytes with the final zero. Source: unix(7).</summary>
    private const int MaxLength = 107;

    /// <summary>As many as the kernel takes by default (net.core.somaxconn was 128 for long).</summary>
    private const int Backlog = 128;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Searchable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private readonly Queue<Socket> _waiting = new();
    private CancellationTokenSource? _added; // ends the accept that is under way
    private bool _isLeft;

    private ListeningSocket(Socket socket, string path) => (_socket, Path, Name) = (socket, path, NameAt(path) ?? "");

    public string Path { get; }

    /// <summary>
    /// Means this socket as long as anybody has it open, whatever happens to the path: its file's device and inode, as 1 to 255 of <c>A-Z a-z 0-9 . _ -</c>.
    /// </summary>
    public string Name { get; }

    public SafeHandle Handle => _socket.SafeHandle;

    /// <summary>The <see cref="Name"/> of the socket that is at a path; null if there is none.</summary>
    public static string? NameAt(string path) =>
        FileStatus.TryRead(path, out FileStatus status) && status.IsSocket ? string.Create(CultureInfo.InvariantCulture, $"{NamePrefix}{status.Device:x}.{status.Inode}") : null;

    /// <summary>Listens at a path that is free, or has what a dead process left. Directories above are made (0711).</summary>
    /// <param name="path">Absolute; at most 107 bytes.</param>
    /// <exception cref="SluiceException">The path can't be used, or somebody listens there.</exception>
    public static ListeningSocket Bind(string path)
    {
        Claim(path);
        return new ListeningSocket(BindAt(path), path);
    }

    /// <summary>Goes on with the socket that is at <paramref name="path"/>, which another process has listened on.</summary>
    /// <param name="listener">Owned from now on.</param>
    public static ListeningSocket Adopt(string path, SafeSocketHandle listener) => new(new Socket(listener), path);

    /// <summary>A connection that somebody has accepted already; owned from now on. At any time.</summary>
    public void Add(SafeSocketHandle connection)
    {
        Socket added = new(connection);
        lock (_gate)
        {
            if (_socket.SafeHandle.IsClosed) added.Dispose();
            else _waiting.Enqueue(added);
            _ = _added?.CancelAsync(); // not at once: what it wakes would run under the lock
            _added = null;
        }
    }

    /// <summary>Those that were added, and those that come. By one caller at a time.</summary>
    public async ValueTask<Socket> AcceptAsync(CancellationToken cancellation)
    {
        while (true)
        {
            using CancellationTokenSource added = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            lock (_gate)
            {
                if (_waiting.TryDequeue(out Socket? first)) return first;
                _added = added;
            }

            try
            {
                return await _socket.AcceptAsync(added.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // There is one that was added.
            }
            finally
            {
                lock (_gate) _added = null;
            }
        }
    }

    /// <summary>The socket stays at its path when this is disposed: somebody else has it.</summary>
    public void Leave() => _isLeft = true;

    /// <summary>Closes it, and removes it from its path unless it was left, or another one is there.</summary>
    public void Dispose()
    {
        if (_socket.SafeHandle.IsClosed) return;
        if (!_isLeft && NameAt(Path) == Name) File.Delete(Path);
        lock (_gate)
        {
            while (_waiting.TryDequeue(out Socket? waiting)) waiting.Dispose();
            _socket.Dispose();
        }
    }

    /// <summary>Removes what a dead server left behind; throws when somebody still listens or the path can't be used.</summary>
    private static void Claim(string path)
    {
        if (!System.IO.Path.IsPathRooted(path)) throw new SluiceException(SluiceError.Configuration, path, "the path of a socket must be absolute");
        if (Encoding.UTF8.GetByteCount(path) > MaxLength) throw new SluiceException(SluiceError.Configuration, path, $"the path of a socket may have at most {MaxLength} bytes");
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!, Searchable);
        if (!FileStatus.TryRead(path, out FileStatus status)) return;
        if (!status.IsSocket) throw new SluiceException(SluiceError.Configuration, path, "exists and is not a socket", "choose another address, or remove it");
        if (IsListening(path)) throw new SluiceException(SluiceError.Configuration, path, "another process listens on this socket", "stop it (`sluice keeper --stop --state DIR`, if only the keeper of another state directory is left) or choose another address");
        File.Delete(path);
    }

    /// <summary>
    /// Nobody can connect before the mode is right. When it is closed .NET removes the name that a socket was bound to, whoever has it by then; so it is bound to
    /// another name, and renamed.
    /// </summary>
    private static Socket BindAt(string path)
    {
        string bound = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, $".{Environment.ProcessId}");
        if (Encoding.UTF8.GetByteCount(bound) > MaxLength) bound = path;
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(bound);
            socket.Bind(new UnixDomainSocketEndPoint(bound));
            File.SetUnixFileMode(bound, OwnerOnly);
            socket.Listen(Backlog);
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
