using System.Net.Sockets;

namespace Sluice.Containerd.Sockets;

/// <summary>A listening socket at a path that another process listened at before; nobody answers on it yet.</summary>
public sealed class TakenSocket : IDisposable
{
    private Socket? _socket;

    private TakenSocket(Socket socket, string path) => (_socket, Path) = (socket, path);

    public string Path { get; }

    /// <summary>Who connects to the path from now on waits for this process; connections that the other one has go on.</summary>
    /// <exception cref="Formats.SluiceException">The path can't be used.</exception>
    public static TakenSocket Take(string path) => new(UnixSocketPath.Bind(path, listens: true), path);

    public void Dispose() => _socket?.Dispose();

    internal Socket Use() => Interlocked.Exchange(ref _socket, null) ?? throw new InvalidOperationException("used already");
}
