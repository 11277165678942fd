using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>A connection to a keeper process, as its client has it: one request at a time.</summary>
internal sealed class KeeperConnection(KeeperSocket socket, string path) : IDisposable
{
    private readonly byte[] _packet = new byte[KeeperMessage.MaxSize];

    /// <summary>Sleeps until the keeper has gone or this object is disposed.</summary>
    public void WaitForEnd() => socket.WaitForEnd();

    /// <summary>Null when no keeper listens in the state directory.</summary>
    public static KeeperConnection? TryOpen(string state, TimeSpan patience) =>
        KeeperSocket.TryConnect(state, patience) is { } socket ? new KeeperConnection(socket, Path.Combine(state, KeeperSocket.FileName)) : null;

    /// <summary>The keeper's process.</summary>
    public int Process => socket.Peer().Process;

    public void Keep(byte[] name, SafeHandle descriptor) => Ask(KeeperRequest.Keep, name, out _, descriptor);

    public void Release(byte[] name) => Ask(KeeperRequest.Release, name, out _);

    /// <summary>Whether that name is held; safe to ask a keeper of any version.</summary>
    public bool Holds(byte[] name) => Names(take: false).ContainsKey(Encoding.ASCII.GetString(name));

    /// <summary>The listening socket of that name; null if none is held.</summary>
    public SafeSocketHandle? Listener(byte[] name) => Ask(KeeperRequest.Listener, name, out int descriptor) is null ? null : Received(descriptor);

    /// <summary>The listening socket is this process's from now on; gives away those who wait on it.</summary>
    public void Serve(byte[] name, Action<SafeSocketHandle> called)
    {
        while (Ask(KeeperRequest.Serve, name, out int descriptor) is not null) called(Received(descriptor));
    }

    public void Leave(byte[] name) => Ask(KeeperRequest.Leave, name, out _);

    public void Stop(bool anyway) => Ask(anyway ? KeeperRequest.StopAnyway : KeeperRequest.Stop, [], out _);

    /// <summary>All names, and their descriptors if they are taken.</summary>
    public Dictionary<string, FuseDescriptor?> Names(bool take)
    {
        var names = new Dictionary<string, FuseDescriptor?>(StringComparer.Ordinal);
        string last = "";
        try
        {
            while (Ask(take ? KeeperRequest.Next : KeeperRequest.List, Encoding.ASCII.GetBytes(last), out int descriptor) is { } name)
            {
                names[name] = descriptor < 0 ? null : FuseDescriptor.Adopt(descriptor);
                if (string.CompareOrdinal(name, last) <= 0 || (take && descriptor < 0)) throw Failed("its answers make no sense");
                last = name;
            }

            return names;
        }
        catch
        {
            foreach (FuseDescriptor? descriptor in names.Values) descriptor?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (socket.IsClosed) return;
        socket.Shutdown();
        socket.Dispose();
    }

    /// <summary>The text of the answer; null at the end of a list.</summary>
    /// <param name="received">The caller's; -1: none.</param>
    private string? Ask(KeeperRequest request, ReadOnlySpan<byte> text, out int received, SafeHandle? sent = null)
    {
        int length = KeeperMessage.Write(_packet, (ushort)request, text);
        int errno = socket.Send(_packet.AsSpan(0, length), sent, wait: true);
        if (errno != 0) throw Broken($"it takes no request: {Libc.Message(errno)}");
        length = socket.Receive(_packet, out received, wait: true);
        if (length == 0) throw Broken("it has ended");
        if (length < 0) throw Broken(length == -Errno.EAGAIN ? "it does not answer" : $"its answer can't be read: {Libc.Message(-length)}");
        KeeperStatus status = KeeperMessage.TryRead(_packet.AsSpan(0, length), out _, out ushort code) ? (KeeperStatus)code : throw Broken("its answers make no sense");
        if (status == KeeperStatus.End) return null;
        string answer = Encoding.UTF8.GetString(_packet, KeeperMessage.HeaderSize, length - KeeperMessage.HeaderSize);
        return status == KeeperStatus.Done ? answer : throw new KeeperRefusal(path, answer);
    }

    private SafeSocketHandle Received(int descriptor) => descriptor >= 0 ? new SafeSocketHandle(descriptor, ownsHandle: true) : throw Failed("its answers make no sense");

    /// <summary>An answer that comes later must not be taken for that of the next request: the connection ends, for whoever watches it to make another.</summary>
    private SluiceException Broken(string what)
    {
        socket.Shutdown();
        return Failed(what);
    }

    private SluiceException Failed(string what) => new(SluiceError.Kernel, path, "the keeper failed: " + what, "is the keeper of another version? see keeper.log beside the socket, or the journal of its unit");
}
