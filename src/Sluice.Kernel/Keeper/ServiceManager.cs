using System.Diagnostics;
using System.Globalization;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// What a service tells its manager (sd_notify(3)). Where there is no manager, nothing happens.
/// </summary>
public static unsafe class ServiceManager
{
    /// <summary>What begins the names of descriptors that versions before have given to the manager (<c>FileDescriptorStoreMax=</c>).</summary>
    private const string FormerPrefix = "sluice.";

    /// <summary>The first descriptor that is passed on. Source: sd_listen_fds(3).</summary>
    private const int FirstPassed = 3;

    internal const string SocketVariable = "NOTIFY_SOCKET";

    /// <summary>Seconds that a manager which does not read is waited for.</summary>
    private const long SendTimeout = 10;

    private const int AddressSize = 110;

    /// <summary>
    /// Closes what the manager has passed to this process, as nobody reads it: requests to a connection of an earlier version, which that gave to the manager, would wait for ever. To be called first of all.
    /// </summary>
    public static void ClosePassed() => ClosePassed(FirstPassed);

    /// <inheritdoc cref="ClosePassed()"/>
    internal static void ClosePassed(int first)
    {
        string? process = Environment.GetEnvironmentVariable("LISTEN_PID"), number = Environment.GetEnvironmentVariable("LISTEN_FDS");
        string[] names = (Environment.GetEnvironmentVariable("LISTEN_FDNAMES") ?? "").Split(':');
        foreach (string variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) Environment.SetEnvironmentVariable(variable, null);
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)) return;
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count)) return;
        foreach (string name in names.Distinct().Where(name => name.StartsWith(FormerPrefix, StringComparison.Ordinal))) Notify($"FDSTOREREMOVE=1\nFDNAME={name}");
        for (int i = 0; i < count; i++) Libc.Close(first + i);
    }

    /// <summary>The service is ready for use.</summary>
    public static void Ready() => Notify("READY=1");

    /// <summary>It begins to stop.</summary>
    public static void Stopping() => Notify("STOPPING=1");

    /// <summary>Another process is the service from now on; said by the one that was it.</summary>
    public static void MainProcess(int id) => Notify(string.Create(CultureInfo.InvariantCulture, $"MAINPID={id}"));

    /// <summary>It reads its configuration again; <see cref="Ready"/> ends that.</summary>
    public static void Reloading() => Notify($"RELOADING=1\nMONOTONIC_USEC={(long)Stopwatch.GetElapsedTime(0).TotalMicroseconds}");

    /// <summary>One line for people who ask for the state of the service.</summary>
    public static void Status(string text) => Notify("STATUS=" + text.ReplaceLineEndings(" "));

    /// <summary>It is alive: due within <see cref="WatchdogTime"/>.</summary>
    public static void Alive() => Notify("WATCHDOG=1");

    /// <summary>How long after the last <see cref="Alive"/> the manager ends the service; null: never. Whose process it means is not looked at: a successor has the environment of its predecessor.</summary>
    public static TimeSpan? WatchdogTime =>
        Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 1 }
        && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;

    /// <summary>A start, stop or reload that is under way takes this long from now on.</summary>
    public static void ExtendTimeout(TimeSpan time) => Notify($"EXTEND_TIMEOUT_USEC={(long)time.TotalMicroseconds}");

    /// <summary>Sends the lines to the manager.</summary>
    /// <exception cref="SluiceException">The manager can't be reached.</exception>
    internal static void Notify(string lines)
    {
        if (Environment.GetEnvironmentVariable(SocketVariable) is not { Length: > 1 } address) return;
        int socket = Libc.Socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (socket < 0) throw KernelError.Last(address, "no socket");
        using var connected = new KeeperSocket(socket);
        long* limit = stackalloc long[] { SendTimeout, 0 };
        Libc.SetSocketOption(socket, Libc.SOL_SOCKET, Libc.SO_SNDTIMEO, limit, 2 * sizeof(long));
        byte* path = stackalloc byte[AddressSize];
        int length = Encode(address, path);
        if (Libc.Connect(socket, path, length) != 0) throw KernelError.Last(address, "the service manager can't be reached");
        int errno = connected.Send(Encoding.UTF8.GetBytes(lines), -1, wait: true);
        if (errno != 0) throw KernelError.Of(errno, address, "the service manager takes no message");
    }

    /// <summary>An absolute path, or a name in the abstract namespace that is written with an '@' in front (sd_notify(3)).</summary>
    private static int Encode(string address, byte* path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(address);
        if (bytes.Length > AddressSize - sizeof(ushort) - 1) throw new SluiceException(SluiceError.Configuration, "$" + SocketVariable, "is longer than the path of a socket may be");
        new Span<byte>(path, AddressSize).Clear();
        *(ushort*)path = Libc.AF_UNIX;
        bytes.CopyTo(new Span<byte>(path + sizeof(ushort), AddressSize - sizeof(ushort)));
        bool named = bytes[0] != (byte)'@';
        if (!named) path[sizeof(ushort)] = 0;
        return sizeof(ushort) + bytes.Length + (named ? 1 : 0);
    }
}
