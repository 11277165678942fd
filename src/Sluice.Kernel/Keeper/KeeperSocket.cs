using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>A unix socket of packets that may carry one descriptor each.</summary>
internal sealed unsafe class KeeperSocket : SafeHandleZeroOrMinusOneIsInvalid
{
    public const string FileName = "keeper.sock";

    /// <summary>sa_family and sun_path; what it names is reached through a short path.</summary>
    private const int AddressSize = 110;

    /// <summary>Room for some descriptors, so that more than one are seen, and closed.</summary>
    private const int ControlSize = 64;

    public KeeperSocket()
        : base(ownsHandle: true)
    {
    }

    /// <summary>Takes a socket over.</summary>
    public KeeperSocket(int descriptor)
        : this() => SetHandle(descriptor);

    public int Number => (int)handle;

    /// <summary>Listens in a state directory, with mode 0600. What a dead keeper left there is replaced: the caller holds the lock.</summary>
    public static KeeperSocket Listen(string state)
    {
        string path = Path.Combine(state, FileName);
        KeeperSocket socket = Open(path);
        int directory = OpenDirectory(state);
        try
        {
            Libc.Unlink(path);
            byte* address = stackalloc byte[AddressSize];
            int length = Address(address, directory);
            if (Libc.Bind(socket.Number, address, length) != 0 || Libc.ChangeMode(path, 0x180 /* 0600 */) != 0 || Libc.Listen(socket.Number, 16) != 0)
                throw KernelError.Last(path, "can't listen");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        finally
        {
            Libc.Close(directory);
        }
    }

    /// <summary>Null when nobody listens; other failures throw. Sends and receives end after <paramref name="timeout"/>.</summary>
    public static KeeperSocket? TryConnect(string state, TimeSpan timeout)
    {
        string path = Path.Combine(state, FileName);
        if (!Directory.Exists(state)) return null;
        KeeperSocket socket = Open(path);
        int directory = OpenDirectory(state);
        try
        {
            long* limit = stackalloc long[] { (long)timeout.TotalSeconds, timeout.Milliseconds * 1000L };
            Libc.SetSocketOption(socket.Number, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, limit, 2 * sizeof(long));
            Libc.SetSocketOption(socket.Number, Libc.SOL_SOCKET, Libc.SO_SNDTIMEO, limit, 2 * sizeof(long));
            byte* address = stackalloc byte[AddressSize];
            int length = Address(address, directory);
            if (Libc.Connect(socket.Number, address, length) != 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                socket.Dispose();
                return errno is Errno.ENOENT or Errno.ECONNREFUSED ? null : throw KernelError.Of(errno, path, "can't be reached", "only root and the keeper's own user may");
            }

            if (!IsTrusted(socket.Peer())) throw new SluiceException(SluiceError.Kernel, path, "another user listens there", "remove the socket and see who made it");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        finally
        {
            Libc.Close(directory);
        }
    }

    /// <summary>The same user, or root.</summary>
    public static bool IsTrusted(in PeerCredentials peer) => peer.User == 0 || peer.User == Libc.EffectiveUser();

    /// <summary>Null with the errno when there is none to accept, or no place for it.</summary>
    public KeeperSocket? Accept(out int errno)
    {
        int descriptor = Libc.Accept(Number, null, null, Libc.SOCK_CLOEXEC);
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new KeeperSocket(descriptor);
    }

    public PeerCredentials Peer()
    {
        PeerCredentials peer;
        int length = sizeof(PeerCredentials);
        return Libc.GetSocketOption(Number, Libc.SOL_SOCKET, Libc.SO_PEERCRED, &peer, &length) == 0 ? peer : new PeerCredentials { User = uint.MaxValue };
    }

    /// <summary>Sleeps until the other side ends the connection, or this one calls <see cref="Shutdown"/>. What is received meanwhile ends it, too.</summary>
    public void WaitForEnd()
    {
        bool added = false;
        try
        {
            DangerousAddRef(ref added);
            var state = new PollDescriptor { Descriptor = Number };
            while (Libc.Poll(&state, 1, -1) < 0)
            {
            }
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
        finally
        {
            if (added) DangerousRelease();
        }
    }

    /// <summary>Wakes whoever waits on it.</summary>
    public void Shutdown() => Libc.Shutdown(Number, Libc.SHUT_RDWR);

    /// <summary>Sends one packet, with a descriptor unless that is negative. Returns 0 or the errno.</summary>
    public int Send(ReadOnlySpan<byte> packet, int descriptor, bool wait)
    {
        byte* control = stackalloc byte[ControlSize];
        fixed (byte* start = packet)
        {
            var part = new MessagePart { Start = start, Length = (nuint)packet.Length };
            var message = new MessageHeader { Parts = &part, PartCount = 1 };
            if (descriptor >= 0)
            {
                *(ControlHeader*)control = new ControlHeader { Length = (nuint)(sizeof(ControlHeader) + sizeof(int)), Level = Libc.SOL_SOCKET, Type = Libc.SCM_RIGHTS };
                *(int*)(control + sizeof(ControlHeader)) = descriptor;
                message.Control = control;
                message.ControlLength = (nuint)(sizeof(ControlHeader) + sizeof(long)); // CMSG_SPACE(4)
            }

            while (Libc.SendMessage(Number, &message, Libc.MSG_NOSIGNAL | (wait ? 0 : Libc.MSG_DONTWAIT)) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) return errno;
            }

            return 0;
        }
    }

    /// <summary>The same with a descriptor that is kept from being closed meanwhile; null: with none.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public int Send(ReadOnlySpan<byte> packet, SafeHandle? descriptor, bool wait)
    {
        bool added = false;
        try
        {
            descriptor?.DangerousAddRef(ref added);
            return Send(packet, (int)(descriptor?.DangerousGetHandle() ?? -1), wait);
        }
        finally
        {
            if (added) descriptor!.DangerousRelease();
        }
    }

    /// <summary>Receives one packet: its length, 0 at the end of the connection, or a negative errno. A packet that is longer, or has more than one descriptor, is EINVAL.</summary>
    /// <param name="descriptor">What came with it, close-on-exec, or -1.</param>
    public int Receive(Span<byte> buffer, out int descriptor, bool wait)
    {
        descriptor = -1;
        byte* control = stackalloc byte[ControlSize];
        fixed (byte* start = buffer)
        {
            var part = new MessagePart { Start = start, Length = (nuint)buffer.Length };
            var message = new MessageHeader { Parts = &part, PartCount = 1, Control = control, ControlLength = ControlSize };
            nint length;
            while ((length = Libc.ReceiveMessage(Number, &message, Libc.MSG_CMSG_CLOEXEC | (wait ? 0 : Libc.MSG_DONTWAIT))) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) return -errno;
            }

            int received = TakeDescriptors(control, message.ControlLength, out descriptor);
            if (received <= 1 && (message.Flags & (Libc.MSG_TRUNC | Libc.MSG_CTRUNC)) == 0) return (int)length;
            if (descriptor >= 0) Libc.Close(descriptor);
            descriptor = -1;
            return -Errno.EINVAL;
        }
    }

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;

    /// <summary>Keeps the first and closes the others; returns how many there were.</summary>
    private static int TakeDescriptors(byte* control, nuint length, out int first)
    {
        first = -1;
        if (length < (nuint)sizeof(ControlHeader)) return 0;
        var header = (ControlHeader*)control;
        if (header->Level != Libc.SOL_SOCKET || header->Type != Libc.SCM_RIGHTS) return 0;
        int count = (int)((header->Length - (nuint)sizeof(ControlHeader)) / sizeof(int));
        var descriptors = (int*)(control + sizeof(ControlHeader));
        for (int i = 1; i < count; i++) Libc.Close(descriptors[i]);
        if (count > 0) first = descriptors[0];
        return count;
    }

    private static KeeperSocket Open(string path)
    {
        int descriptor = Libc.Socket(Libc.AF_UNIX, Libc.SOCK_SEQPACKET | Libc.SOCK_CLOEXEC, 0);
        return descriptor >= 0 ? new KeeperSocket(descriptor) : throw KernelError.Last(path, "no socket");
    }

    private static int OpenDirectory(string state)
    {
        int directory = Libc.Open(state, Libc.O_PATH | Libc.O_CLOEXEC, 0);
        return directory >= 0 ? directory : throw KernelError.Last(state, "can't be opened");
    }

    /// <summary>Paths of sockets have at most 107 bytes, state directories may have more.</summary>
    private static int Address(byte* address, int directory)
    {
        byte[] path = Encoding.UTF8.GetBytes($"/proc/self/fd/{directory}/{FileName}");
        new Span<byte>(address, AddressSize).Clear();
        *(ushort*)address = Libc.AF_UNIX;
        path.CopyTo(new Span<byte>(address + sizeof(ushort), AddressSize - sizeof(ushort)));
        return sizeof(ushort) + path.Length + 1;
    }
}
