using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>Writes the contents of files to a stream, one behind the other.</summary>
public sealed class StreamSink(Stream output) : IFileSink
{
    public ValueTask BeginAsync(Inode file, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) => output.WriteAsync(piece, cancellation);

    public ValueTask EndAsync(CancellationToken cancellation) => ValueTask.CompletedTask;
}
