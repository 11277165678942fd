using Sluice.Build.Convert;
using Sluice.Formats.Oci;

namespace Sluice.Cli.Output;

/// <summary>Progress of a conversion on standard error: one changing line on a terminal, one line per finished layer elsewhere.</summary>
internal sealed class ConvertProgress(bool quiet) : IConvertProgress, IDisposable
{
    private readonly bool _terminal = !quiet && !Console.IsErrorRedirected;
    private readonly Lock _lock = new();
    private int _width;

    public void LayerStarted(Descriptor layer) => LayerAdvanced(layer, 0);

    public void LayerAdvanced(Descriptor layer, long bytes)
    {
        if (!_terminal) return;
        lock (_lock) Show($"{Short(layer)}  {ByteSize.Text(bytes)} of {ByteSize.Text(layer.Size)}");
    }

    public void LayerFinished(ConvertedLayer layer)
    {
        if (quiet) return;
        lock (_lock)
        {
            Clear();
            string what = layer.Reused ? "taken over" : $"{layer.Chunks} chunks, {ByteSize.Text(layer.DuplicateBytes)} duplicate";
            Console.Error.WriteLine($"{Short(layer.Source)}  {ByteSize.Text(layer.Source.Size)} -> {ByteSize.Text(layer.Blob.Size)}  {what}");
        }
    }

    public void Dispose()
    {
        lock (_lock) Clear();
    }

    private void Show(string line)
    {
        Clear();
        Console.Error.Write(line);
        _width = line.Length;
    }

    private void Clear()
    {
        if (_width == 0) return;
        Console.Error.Write("\r" + new string(' ', _width) + "\r");
        _width = 0;
    }

    private static string Short(Descriptor layer) => layer.Digest.ToString()[..19];
}
