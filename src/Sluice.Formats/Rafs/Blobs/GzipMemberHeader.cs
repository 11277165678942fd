using System.Buffers.Binary;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>The header of a gzip member (RFC 1952, section 2.3), of which only the length matters here.</summary>
internal static class GzipMemberHeader
{
    private const int FixedSize = 10;
    private const int HeaderCrc = 2;
    private const int Extra = 4;
    private const int Name = 8;
    private const int Comment = 16;

    /// <exception cref="InvalidFormatException">No whole header.</exception>
    public static int GetLength(ReadOnlySpan<byte> input)
    {
        if (input.Length < FixedSize || input[0] != 0x1f || input[1] != 0x8b || input[2] != 8) throw Error("no gzip header where one is due");
        int flags = input[3];
        int length = FixedSize;
        if ((flags & Extra) != 0)
        {
            if (input.Length < length + 2) throw Error("a cut gzip header");
            length += 2 + BinaryPrimitives.ReadUInt16LittleEndian(input[length..]);
        }

        if ((flags & Name) != 0) length = SkipText(input, length);
        if ((flags & Comment) != 0) length = SkipText(input, length);
        if ((flags & HeaderCrc) != 0) length += 2;
        return length <= input.Length ? length : throw Error("a cut gzip header");
    }

    private static int SkipText(ReadOnlySpan<byte> input, int start)
    {
        int length = start < input.Length ? input[start..].IndexOf((byte)0) : -1;
        return length >= 0 ? start + length + 1 : throw Error("a cut gzip header");
    }

    private static InvalidFormatException Error(string message) => new("zran", message);
}
