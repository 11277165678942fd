using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// One length-prefixed message.
/// <code>
/// 0  1  compressed flag: 0 plain, 1 as grpc-encoding says (never negotiated here)
/// 1  4  length of the message, big-endian
/// 5  …  message
/// </code>
/// </summary>
internal static class GrpcFrame
{
    public const int HeaderLength = 1 /* compressed flag */ + 4 /* length */;

    public static void Write(IBufferWriter<byte> output, IMessage message)
    {
        int length = message.CalculateSize();
        Span<byte> header = output.GetSpan(HeaderLength);
        header[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], length);
        output.Advance(HeaderLength);
        message.WriteTo(output);
    }

    /// <summary>Takes one whole message off the front of <paramref name="buffer"/>; false when more bytes are needed.</summary>
    /// <exception cref="GrpcException">The message is compressed or longer than <paramref name="limit"/> bytes.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, int limit, out ReadOnlySequence<byte> message)
    {
        message = default;
        if (buffer.Length < HeaderLength) return false;
        Span<byte> header = stackalloc byte[HeaderLength];
        buffer.Slice(0, HeaderLength).CopyTo(header);
        if (header[0] != 0) throw new GrpcException(GrpcStatusCode.Unimplemented, "compressed messages are not supported");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > (uint)limit) throw new GrpcException(GrpcStatusCode.ResourceExhausted, $"message of {length} bytes, the limit is {limit}");
        if (buffer.Length - HeaderLength < length) return false;
        message = buffer.Slice(HeaderLength, length);
        buffer = buffer.Slice(HeaderLength + (long)length);
        return true;
    }
}
