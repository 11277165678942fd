using System.Buffers;
using System.Text;
using Sluice.Formats.Tar;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Archives put together by hand, right or wrong.</summary>
internal sealed class RawTar
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>A header block and the content with its padding.</summary>
    /// <param name="name">Raw name field.</param>
    /// <param name="type">Type byte.</param>
    /// <param name="content">What follows the header.</param>
    /// <param name="change">Changes the block before its checksum is made.</param>
    public RawTar Add(string name, char type = '0', byte[]? content = null, Action<byte[]>? change = null)
    {
        content ??= [];
        byte[] block = new byte[512];
        Encoding.Latin1.GetBytes(name).CopyTo(block, 0);
        Put(block, 100, "0000644\0");
        Put(block, 108, "0000000\0");
        Put(block, 116, "0000000\0");
        Put(block, 124, Convert.ToString(content.Length, 8).PadLeft(11, '0') + "\0");
        Put(block, 136, "14524770000\0");
        block[156] = (byte)type;
        Put(block, 257, "ustar\000");
        change?.Invoke(block);
        TarChecksum.Write(block);
        return Block(block).Block(content).Block(new byte[-content.Length & 511]);
    }

    public RawTar Pax(char type, params string[] records) => Add("pax", type, Encoding.Latin1.GetBytes(string.Concat(records.Select(Record))));

    public RawTar Block(byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public byte[] End() => Block(new byte[1024]).ToArray();

    public static void Put(byte[] block, int offset, string text) => Encoding.Latin1.GetBytes(text).CopyTo(block, offset);

    /// <summary>"key=value" (Latin-1) as a PAX record.</summary>
    public static string Record(string body)
    {
        int length = body.Length + 3;
        while (length != body.Length + 2 + length.ToString().Length) length = body.Length + 2 + length.ToString().Length;
        return $"{length} {body}\n";
    }
}
