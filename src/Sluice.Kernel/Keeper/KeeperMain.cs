using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>The keeper process, as <c>Main</c> sees it: <c>EXECUTABLE __keeper STATE MILLISECONDS attached|detached</c>.</summary>
public static unsafe class KeeperMain
{
    /// <summary>The hidden first argument.</summary>
    public const string Argument = "__keeper";

    /// <summary>In the environment of a process that has shed what it was started with.</summary>
    private const string Shed = "SLUICE_KEEPER";

    /// <summary>Of one that was started by who needs it, and belongs to nobody else.</summary>
    private const string Detached = "detached";

    /// <summary>Longer than whoever starts one waits for it to be up.</summary>
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(30);

    private const string LogFile = "keeper.log";
    private const string LockFile = "keeper.lock";

    /// <summary>The exit code that has a service manager start the next one (<c>Restart=on-failure</c>): EX_TEMPFAIL of sysexits.h.</summary>
    private const int Missed = 75;

    /// <summary>
    /// To be called first thing in <c>Main</c>, before anything is loaded. True if this process was started as a keeper; it has ended then and
    /// should exit with <paramref name="exitCode"/>.
    /// </summary>
    public static bool TryRun(string[] args, out int exitCode)
    {
        exitCode = 0;
        if (args.Length != 4 || args[0] != Argument) return false;
        try
        {
            if (Environment.GetEnvironmentVariable(Shed) is null) Begin(args);
            exitCode = Serve(args[1], TimeSpan.FromMilliseconds(long.Parse(args[2], CultureInfo.InvariantCulture)), isDetached: args[3] == Detached);
        }
        catch (Exception failed) when (failed is SluiceException or IOException or UnauthorizedAccessException)
        {
            Write(failed.Message);
            exitCode = 1;
        }

        return true;
    }

    /// <summary>
    /// Makes this process the keeper of a state directory: it is replaced, and never returns from here. The new one starts with little memory, and with no
    /// descriptor but its standard ones.
    /// </summary>
    /// <exception cref="SluiceException">The kernel refused.</exception>
    public static void Become(string state, TimeSpan deadline) => Begin(Arguments(state, deadline, detached: false));

    internal static string[] Arguments(string state, TimeSpan deadline, bool detached) =>
        [Argument, state, ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture), detached ? Detached : "attached"];

    private static void Begin(string[] args)
    {
        if (args[3] == Detached) Detach(args[1]);
        Libc.CloseRange(3, uint.MaxValue, Libc.CLOSE_RANGE_CLOEXEC);
        KeeperStart.Execute(args, [$"{Shed}=1"]);
    }

    /// <summary>A session of its own, away from the terminal and from whatever ends the cgroup of the one who started it.</summary>
    private static void Detach(string state)
    {
        Libc.SetSession(); // refused to the leader of a group, which is as good
        OwnCgroup.TryEnter();
        int nothing = Libc.Open("/dev/null", Libc.O_RDWR | Libc.O_CLOEXEC, 0);
        int log = Libc.Open(Path.Combine(state, LogFile), Libc.O_WRONLY | Libc.O_CREAT | Libc.O_APPEND | Libc.O_CLOEXEC, 0x180 /* 0600 */);
        Libc.Dup2(nothing, 0);
        Libc.Dup2(nothing, 1);
        Libc.Dup2(log >= 0 ? log : nothing, 2);
    }

    private static int Serve(string state, TimeSpan deadline, bool isDetached)
    {
        Environment.CurrentDirectory = "/";
        if (!isDetached) Directory.CreateDirectory(state, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        int guard = Lock(state);
        int* pipe = stackalloc int[2];
        if (Libc.Pipe(pipe, Libc.O_CLOEXEC | Libc.O_NONBLOCK) != 0) throw KernelError.Last("keeper", "no pipe");
        int heard = pipe[1];
        bool isMissed;
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            byte signal = 1;
            if (context.Signal == PosixSignal.SIGTERM) Libc.Write(heard, &signal, 1);
        }

        using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal))
        using (PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal))
        using (PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal))
        using (PosixSignalRegistration.Create(PosixSignal.SIGQUIT, OnSignal))
        {
            using KeeperSocket listener = KeeperSocket.Listen(state);
            var server = new KeeperServer(listener, pipe[0], deadline, isDetached ? IdleLimit : TimeSpan.Zero, Write);
            ServiceManager.Notify("READY=1");
            server.Run();
            isMissed = server.IsMissed;
            Libc.Unlink(Path.Combine(state, KeeperSocket.FileName));
        }

        OwnCgroup.Leave();
        Libc.Close(guard);
        return isMissed ? Missed : 0;
    }

    /// <summary>One keeper for a state directory, which must be there: held until the process ends, however that happens.</summary>
    private static int Lock(string state)
    {
        string path = Path.Combine(state, LockFile);
        int file = Libc.Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0x180 /* 0600 */);
        if (file < 0) throw KernelError.Last(path, "can't be opened");
        if (Libc.Flock(file, Libc.LOCK_EX | Libc.LOCK_NB) != 0) throw new SluiceException(SluiceError.Kernel, state, "has a keeper already", "sluice keeper --stop");
        return file;
    }

    /// <summary>Not through the console, which would be loaded for it.</summary>
    private static void Write(string message)
    {
        byte[] line = Encoding.UTF8.GetBytes($"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} keeper: {message}\n");
        fixed (byte* start = line) Libc.Write(2, start, (nuint)line.Length);
    }
}
