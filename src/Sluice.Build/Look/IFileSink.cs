using Sluice.Formats.Trees;

namespace Sluice.Build.Look;

/// <summary>Takes the contents of files, one file after another: begin, pieces in order, end.</summary>
public interface IFileSink
{
    ValueTask BeginAsync(Inode file, CancellationToken cancellation);

    /// <param name="piece">Valid until the call's task is done.</param>
    ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation);

    ValueTask EndAsync(CancellationToken cancellation);
}
