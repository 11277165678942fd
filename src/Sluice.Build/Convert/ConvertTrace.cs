using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.Prefetch;
using Sluice.Storage.Traces;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;
using TraceFile = Sluice.Storage.Traces.TraceFile;

namespace Sluice.Build.Convert;

/// <summary>
/// What a start of the image to be needs, in order. By files, it can come from a start of another conversion, or of another image that shares files with this one. By chunks it holds for the very same block layers only.
/// </summary>
public sealed class ConvertTrace
{
    /// <summary>Nothing is known.</summary>
    public static readonly ConvertTrace None = new();

    private ConvertTrace()
    {
    }

    /// <summary>Parts of files, the first needed first.</summary>
    public IReadOnlyList<FileRange> Files { get; private init; } = [];

    /// <summary>The start by chunks; null: not known.</summary>
    public StartTrace? Chunks { get; private init; }

    /// <summary>What overlaybd has recorded of some block image, which it does not name; null: nothing.</summary>
    public IReadOnlyList<TraceRecord>? Records { get; private init; }

    public bool IsNone => Files.Count == 0 && Chunks is null && Records is null;

    /// <summary>Different for each order of files. Of version 2 is what has a level of its own for the start, which other compressors than zstd have not.</summary>
    internal string Fingerprint(Compressor compressor) => Files.Count == 0 ? "" : $" start{(compressor == Compressor.Zstd ? "/2" : "")} {ChunkDigest.Compute(DigestAlgorithm.Blake3, PrefetchFiles.Write(Files))}";

    /// <summary>Reads a trace of Sluice, a trace of overlaybd, Nydus's prefetch files, or a list of paths.</summary>
    /// <exception cref="InvalidFormatException">Something else, or damaged.</exception>
    public static ConvertTrace Read(ReadOnlyMemory<byte> file)
    {
        if (OverlayBdTrace.IsMatch(file.Span)) return new ConvertTrace { Records = OverlayBdTrace.Read(file.Span) };
        if (!file.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8)) return new ConvertTrace { Files = PriorityList.Read(file.Span) };
        return file.Span.IndexOf("\"reads\""u8) >= 0 ? Of(TraceFile.Read(file)) : new ConvertTrace { Files = PrefetchFiles.Read(file) };
    }

    public static ConvertTrace Of(StartTrace trace) => new()
    {
        Chunks = trace,
        Files = [.. trace.Reads.Where(read => read.File is not null).Select(read => new FileRange(read.File!.Value.ToName(), read.File.Value.Offset, read.Length))],
    };

    /// <summary>What an image says of itself.</summary>
    public static ConvertTrace Of(IReadOnlyList<FileRange> files) => new() { Files = files };
}
