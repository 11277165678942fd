using System.CommandLine;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary>A trace as people name it: by a file, or by the image that the node has started.</summary>
internal static class TraceArgument
{
    public static Argument<string> Create(string name) => new(name) { Description = "A file with a trace (sluice trace show --json, pull --output), or an image, as containerd names it, or the beginning of its digest" };

    /// <exception cref="SluiceException">The file is no trace, or the daemon has none.</exception>
    public static async Task<ImageTrace> ReadAsync(string name, AdminClient client, CancellationToken cancellation)
    {
        if (!File.Exists(name)) return await client.TraceAsync(name, cancellation);
        try
        {
            return new ImageTrace(name, TraceFile.Read(await File.ReadAllBytesAsync(name, cancellation)), Note: null);
        }
        catch (InvalidFormatException error)
        {
            throw new SluiceException(SluiceError.Usage, name, error.Message, "give a file that `sluice trace show --json` or `sluice trace pull --output` wrote, or the name of an image", error);
        }
    }
}
