using System.Buffers.Binary;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// What goes over <c>STATE/keeper.sock</c>: one message is one packet (SOCK_SEQPACKET), each request has one answer. Integers are little endian.
/// <code>
/// 0 u32 magic "SLKP" | 4 u16 version | 6 u16 request or status | 8 … text, UTF-8
/// </code>
/// <para>
/// <c>keep</c> carries a descriptor and has its name as text, as has <c>release</c>. <c>next</c> names the last one received, or none, and is answered
/// with the name of the FUSE connection that follows in byte order and its descriptor, or with <c>end</c>. <c>list</c> is the same without descriptors, without becoming the one who serves, and with the listening sockets. <c>listener</c> is
/// answered with the descriptor of a listening socket; <c>serve</c>, by which it becomes the sender's, with a connection that waits on it, or <c>end</c>. Keepers of the first versions hold no sockets, and don't know
/// <c>listener</c>, <c>serve</c> and <c>leave</c>: these may be asked only once a socket is in the list.
/// </para>
/// </summary>
internal static class KeeperMessage
{
    public const uint Magic = 0x504B4C53;
    public const ushort Version = 1;
    public const int HeaderSize = 8;

    /// <summary>Longer packets are refused.</summary>
    public const int MaxSize = HeaderSize + DescriptorName.MaxLength;

    public static int Write(Span<byte> message, ushort code, ReadOnlySpan<byte> text)
    {
        if (text.Length > MaxSize - HeaderSize) text = text[..(MaxSize - HeaderSize)];
        BinaryPrimitives.WriteUInt32LittleEndian(message, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(message[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(message[6..], code);
        text.CopyTo(message[HeaderSize..]);
        return HeaderSize + text.Length;
    }

    /// <summary>False when it is no message of this protocol; the version is to be looked at by the caller.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out ushort version, out ushort code)
    {
        version = code = 0;
        if (message.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(message) != Magic) return false;
        version = BinaryPrimitives.ReadUInt16LittleEndian(message[4..]);
        code = BinaryPrimitives.ReadUInt16LittleEndian(message[6..]);
        return true;
    }
}

internal enum KeeperRequest : ushort
{
    Keep = 1,
    Release = 2,
    Next = 3,
    List = 4,

    /// <summary>End, unless something is held that nobody serves.</summary>
    Stop = 5,

    /// <summary>End in any case.</summary>
    StopAnyway = 6,

    /// <summary>A duplicate of a listening socket. The keeper goes on taking those who call.</summary>
    Listener = 7,

    /// <summary>The sender accepts on a listening socket from now on. One that has called already.</summary>
    Serve = 8,

    /// <summary>The sender does so no more.</summary>
    Leave = 9,
}

internal enum KeeperStatus : ushort
{
    Done = 0,

    /// <summary>No further name.</summary>
    End = 1,

    /// <summary>The text says why.</summary>
    Refused = 2,
}
