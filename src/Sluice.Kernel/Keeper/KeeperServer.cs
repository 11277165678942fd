using System.Text;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// The keeper: one thread, one poll(2) over the socket, those who are connected and the signals. What a client sends is answered, or refused and the
/// connection closed; nothing that a client does changes what others have it hold, short of the same name.
/// </summary>
internal sealed unsafe partial class KeeperServer
{
    private const int MaxClients = 64;

    private readonly KeeperSocket _listener;
    private readonly int _signals;
    private readonly long _deadline;
    private readonly long _idleLimit;
    private readonly Action<string> _log;
    private readonly HeldDescriptors _held = new();
    private readonly List<KeeperClient> _clients = new(16);
    private PollDescriptor[] _polled = new PollDescriptor[128]; // grows
    private readonly byte[] _packet = new byte[KeeperMessage.MaxSize];
    private int _spare = OpenSpare();
    private long _idleSince = Environment.TickCount64;
    private bool _ended;

    /// <param name="listener">Where daemons connect.</param>
    /// <param name="signals">A pipe: a byte for each signal that asks for the end.</param>
    /// <param name="deadline">How long requests wait for a server before they get EIO; zero: for ever.</param>
    /// <param name="idleLimit">The keeper ends when it has had nobody and nothing for so long; zero: it stays.</param>
    /// <param name="log">Takes what is worth knowing.</param>
    public KeeperServer(KeeperSocket listener, int signals, TimeSpan deadline, TimeSpan idleLimit, Action<string> log)
    {
        _idleLimit = (long)idleLimit.TotalMilliseconds;
        _listener = listener;
        _signals = signals;
        _deadline = (long)deadline.TotalMilliseconds;
        _log = log;
    }

    /// <summary>It was stopped while a daemon lives that wants another keeper.</summary>
    public bool IsMissed { get; private set; }

    /// <summary>Returns when it was stopped, by a signal when it holds nothing, or when nobody has had a use for it for long.</summary>
    public void Run()
    {
        while (!_ended)
        {
            int clients = _clients.Count;
            int count = Prepare();
            fixed (PollDescriptor* polled = _polled)
            {
                if (Libc.Poll(polled, (nuint)count, Patience()) < 0) continue;
            }

            if (_polled[1].Happened != 0) OnSignal();
            for (int i = clients - 1; i >= 0 && !_ended; i--)
            {
                if (_polled[2 + i].Happened != 0) Hear(_clients[i]);
            }

            if (_polled[0].Happened != 0) Accept();
            if (!_ended) StandIn();
            if (!_ended) EndIfIdle();
        }
    }

    /// <summary>The keeper's own socket, the signals, the clients, what is answered with errors, and sockets without a server.</summary>
    private int Prepare()
    {
        int count = 0;
        Watch(ref count, _listener.Number);
        Watch(ref count, _signals);
        foreach (KeeperClient client in _clients) Watch(ref count, client.Socket.Number);
        foreach (HeldDescriptor held in _held.All)
        {
            if (held.Answers is { } answers) Watch(ref count, answers.Descriptor);
            if (held is not { Server: null, Callers: { } callers }) continue;
            if (callers.HaveRoom) Watch(ref count, held.Descriptor);
            else WatchHangUps(ref count, callers);
        }

        return count;
    }

    /// <summary>Which poll(2) tells unasked.</summary>
    private void WatchHangUps(ref int count, WaitingCallers callers)
    {
        foreach (int connection in callers.Connections) Watch(ref count, connection, events: 0);
    }

    private void Watch(ref int count, int descriptor, short events = PollDescriptor.In)
    {
        if (count == _polled.Length) Array.Resize(ref _polled, 2 * count);
        _polled[count++] = new PollDescriptor { Descriptor = descriptor, Events = events };
    }

    /// <summary>Milliseconds until the next deadline passes; -1: there is none.</summary>
    private int Patience()
    {
        long patience = long.MaxValue, now = Environment.TickCount64;
        if (_idleLimit > 0 && _clients.Count == 0) patience = _idleSince + _idleLimit - now;
        foreach (HeldDescriptor held in _held.All)
        {
            if (_deadline > 0 && held.Server is null && !held.IsOverdue) patience = Math.Min(patience, held.AbandonedAt + _deadline - now);
        }

        return patience == long.MaxValue ? -1 : (int)Math.Clamp(patience, 0, int.MaxValue);
    }

    /// <summary>Does what is to be done for those whom nobody serves.</summary>
    private void StandIn()
    {
        for (int i = _held.All.Count - 1; i >= 0; i--)
        {
            HeldDescriptor held = _held.All[i];
            if (held.Server is not null) continue;
            bool isOverdue = held.IsOverdue || (_deadline > 0 && Environment.TickCount64 - held.AbandonedAt >= _deadline);
            if (held.Callers is { } callers)
            {
                if (isOverdue && !callers.AreRefused) Refuse(held.Name, callers);
                callers.Take();
                continue;
            }

            if (!isOverdue) continue;
            if (held.Answers is null) Begin(held);
            if (held.Answers is { } answers && answers.Answer()) continue;
            _held.Release(held.Name);
            _log($"{Text(held.Name)}: let go, the connection has ended");
        }
    }

    /// <summary>Where the kernel can't repeat requests, letting go is what frees those who wait.</summary>
    private void Begin(HeldDescriptor held)
    {
        held.Answers = ErrorAnswers.TryBegin(held.Descriptor, out int errno);
        _log(held.Answers is not null
            ? $"{Text(held.Name)}: nobody has served it for {_deadline / 1000.0:0.#} s: requests get EIO until a daemon comes"
            : $"{Text(held.Name)}: nobody serves it, and requests can't be repeated: {Libc.Message(errno)}");
    }

    private void Refuse(byte[] name, WaitingCallers callers)
    {
        callers.Refuse();
        _log($"{Text(name)}: nobody has served it for {_deadline / 1000.0:0.#} s: who connects is refused until a daemon comes");
    }

    private void Accept()
    {
        KeeperSocket? socket = _listener.Accept(out int errno);
        if (errno is Errno.EMFILE or Errno.ENFILE)
        {
            // Otherwise it would wait in line, and poll would never rest.
            Libc.Close(_spare);
            _listener.Accept(out _)?.Dispose();
            _spare = OpenSpare();
            _log("a connection was refused: no descriptor is left");
            return;
        }

        if (socket is null) return;
        PeerCredentials peer = socket.Peer();
        if (KeeperSocket.IsTrusted(peer) && _clients.Count < MaxClients)
        {
            _clients.Add(new KeeperClient(socket, peer.Process));
            return;
        }

        _log($"a connection of process {peer.Process}, user {peer.User}, was refused");
        socket.Dispose();
    }

    /// <summary>Whoever has started it may have ended before it was up, and what it held may have been unmounted by somebody else.</summary>
    private void EndIfIdle()
    {
        long now = Environment.TickCount64;
        if (_idleLimit == 0 || _clients.Count > 0 || now - _idleSince < _idleLimit) return;
        _idleSince = now;
        _held.DropEnded();
        foreach (HeldDescriptor held in _held.All)
        {
            if (held.Callers is not { AreRefused: true }) return;
        }

        _ended = true;
        _log("it holds nothing that is of use to anybody, and nobody has connected for a while: ending");
    }

    private void OnSignal()
    {
        byte signal;
        Libc.Read(_signals, &signal, 1);
        _held.DropEnded();
        _ended = _held.Connections() == 0;
        if (!_ended) _log($"asked to end, but {_held.Connections()} connections are held that are lost then: staying (sluice keeper --stop)");
    }

    private void Leave(KeeperClient client)
    {
        _clients.Remove(client);
        client.Socket.Dispose();
        _idleSince = Environment.TickCount64;
        foreach (HeldDescriptor held in _held.All)
        {
            if (held.Server == client) Abandon(held);
        }
    }

    private static void Abandon(HeldDescriptor held)
    {
        held.Server = null;
        held.AbandonedAt = Environment.TickCount64;
    }

    private static int OpenSpare() => Libc.Open("/dev/null", Libc.O_RDONLY | Libc.O_CLOEXEC, 0);

    private static string Text(byte[] name) => Encoding.ASCII.GetString(name);
}
