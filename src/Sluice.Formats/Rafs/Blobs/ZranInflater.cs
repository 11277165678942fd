using System.Collections.Concurrent;
using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Inflates from a zran context: the middle of a gzip member, and on into the members that follow.</summary>
internal static class ZranInflater
{
    /// <summary>CRC-32 and size behind each gzip member.</summary>
    private const int TrailerSize = 8;

    /// <summary>An inflater holds some 40 KB of native memory, so as many are kept as ever ran at once.</summary>
    private static readonly ConcurrentBag<RawInflater> Inflaters = [];

    /// <param name="input">The context's input bytes.</param>
    /// <param name="output">Filled wholly; may be shorter than the context's output.</param>
    /// <exception cref="InvalidFormatException">The input is no deflate stream, or ends too early.</exception>
    public static void Inflate(in ZranContext context, ReadOnlySpan<byte> dictionary, ReadOnlySpan<byte> input, Span<byte> output)
    {
        RawInflater inflater = Inflaters.TryTake(out RawInflater? pooled) ? pooled : new RawInflater();
        try
        {
            inflater.Start(context.PendingBits, context.PendingByte, dictionary);
            while (!output.IsEmpty)
            {
                bool ended = inflater.Inflate(input, output, out int consumed, out int written);
                input = input[consumed..];
                output = output[written..];
                if (output.IsEmpty) break;
                if (ended) input = NextMember(inflater, input);
                else if (input.IsEmpty || consumed + written == 0) throw new InvalidFormatException("zran", "the gzip stream ends too early");
            }
        }
        finally
        {
            Inflaters.Add(inflater);
        }
    }

    private static ReadOnlySpan<byte> NextMember(RawInflater inflater, ReadOnlySpan<byte> input)
    {
        if (input.Length < TrailerSize) throw new InvalidFormatException("zran", "the gzip stream ends too early");
        input = input[TrailerSize..];
        input = input[GzipMemberHeader.GetLength(input)..];
        inflater.Start();
        return input;
    }
}
