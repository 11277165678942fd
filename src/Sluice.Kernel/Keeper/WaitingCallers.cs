using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// Takes connections on a listening socket in place of a server, and has them wait for the next one. A client of gRPC gives up a connection on which it has not
/// seen the server's settings (containerd: after a second), and then refuses calls by itself; so these are sent: an empty frame, which the settings of the server to come may
/// follow (RFC 9113, 6.5). What the client sends stays unread.
/// </summary>
internal sealed unsafe class WaitingCallers(int listener) : IDisposable
{
    /// <summary>Others wait in the socket's own line.</summary>
    public const int Limit = 64;

    private readonly List<int> _waiting = new(Limit);

    /// <summary>The deadline has passed, and connections are ended at once, until a server comes.</summary>
    public bool AreRefused { get; private set; }

    /// <summary>True if connections that come are to be taken.</summary>
    public bool HaveRoom => _waiting.Count < Limit;

    /// <summary>Those who wait: without room, others can be taken when one of these hangs up.</summary>
    public IReadOnlyList<int> Connections => _waiting;

    /// <summary>An empty SETTINGS frame: length 0, type 4, no flags, stream 0.</summary>
    private static ReadOnlySpan<byte> Settings => [0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// <summary>Takes those who have come. The listener does not block.</summary>
    public void Take()
    {
        while (HaveRoom || DropGone())
        {
            int connection = Libc.Accept(listener, null, null, Libc.SOCK_CLOEXEC);
            if (connection < 0) return;
            if (!AreRefused && Greet(connection)) _waiting.Add(connection);
            else Libc.Close(connection);
        }
    }

    /// <summary>The one who has waited longest, for the caller to close; -1: nobody waits.</summary>
    public int Next()
    {
        AreRefused = false;
        if (_waiting.Count == 0) return -1;
        int first = _waiting[0];
        _waiting.RemoveAt(0);
        return first;
    }

    /// <summary>Nobody came in time: ends the connections, and those that come.</summary>
    public void Refuse()
    {
        AreRefused = true;
        Dispose();
    }

    public void Dispose()
    {
        foreach (int connection in _waiting) Libc.Close(connection);
        _waiting.Clear();
    }

    private static bool Greet(int connection)
    {
        fixed (byte* start = Settings)
        {
            var part = new MessagePart { Start = start, Length = (nuint)Settings.Length };
            var message = new MessageHeader { Parts = &part, PartCount = 1 };
            return Libc.SendMessage(connection, &message, Libc.MSG_NOSIGNAL | Libc.MSG_DONTWAIT) == Settings.Length;
        }
    }

    /// <summary>True if some had hung up.</summary>
    private bool DropGone()
    {
        int before = _waiting.Count;
        for (int i = before - 1; i >= 0; i--)
        {
            var state = new PollDescriptor { Descriptor = _waiting[i] };
            if (Libc.Poll(&state, 1, 0) != 1) continue;
            Libc.Close(_waiting[i]);
            _waiting.RemoveAt(i);
        }

        return _waiting.Count < before;
    }
}
