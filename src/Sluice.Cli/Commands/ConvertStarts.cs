using Sluice.Build.Convert;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Prefetch;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary>What <c>sluice convert --trace</c> means.</summary>
/// <param name="byFiles">The image to be can only be laid out by files.</param>
/// <param name="notice">Told what people should know.</param>
internal sealed class ConvertStarts(bool byFiles, Action<string> notice)
{
    private const string Auto = "auto";

    /// <param name="given">A file, or <c>auto</c>; null: nothing.</param>
    /// <exception cref="SluiceException">The file is of no use, or a registry does not answer.</exception>
    public async Task<ConvertTrace> FindAsync(
        string? given, (IImageStore Store, ImageReference Name) source, (IImageStore Store, ImageReference Name) destination, Platform platform, CancellationToken cancellation)
    {
        if (given is null) return ConvertTrace.None;
        if (given != Auto) return await ReadAsync(given, cancellation);
        ConvertTrace? found = destination.Name.Tag is { } tag && await ResolveAsync(destination.Store, tag, platform, cancellation) is { } previous
            ? await BesideAsync(previous, cancellation) ?? await InsideAsync(previous, cancellation)
            : null;
        if (found is null && await ResolveAsync(source.Store, source.Name.TagOrDigest, platform, cancellation) is { } ordinary) found = await BesideAsync(ordinary, cancellation);
        if (found is null) notice($"--trace auto: no trace{(byFiles ? " with names of files" : "")} lies beside {destination.Name} or {source.Name}; the image is laid out as without. A node that has started it puts one there with: sluice trace push");
        return found ?? ConvertTrace.None;
    }

    private async Task<ConvertTrace> ReadAsync(string path, CancellationToken cancellation)
    {
        ConvertTrace trace;
        try
        {
            trace = ConvertTrace.Read(await File.ReadAllBytesAsync(path, cancellation));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidFormatException)
        {
            throw new SluiceException(
                SluiceError.Usage, "--trace", $"{path}: {exception.Message}", "give what `sluice trace show --json` prints, a trace of overlaybd, Nydus's prefetch files (JSON) or a list of absolute paths, or say auto", exception);
        }

        return IsOfUse(trace) ? trace : throw new SluiceException(SluiceError.Usage, "--trace", $"{path} names no files", byFiles ? "a RAFS image is laid out by files: give what `sluice trace show --json` prints" : null);
    }

    private static async Task<StoredImage?> ResolveAsync(IImageStore store, string name, Platform platform, CancellationToken cancellation)
    {
        try
        {
            return await ImageResolver.ResolveAsync(store, name, platform, preferAccelerated: true, cancellation);
        }
        catch (SluiceException error) when (error.Error is SluiceError.NotFound or SluiceError.Image)
        {
            return null;
        }
    }

    private async Task<ConvertTrace?> BesideAsync(StoredImage image, CancellationToken cancellation) =>
        await TraceArtifacts.FindAsync(image.Store, image.Stored.Digest, cancellation) is { } trace && ConvertTrace.Of(trace) is var known && IsOfUse(known) ? known : null;

    /// <summary>What the image was laid out by itself.</summary>
    private static async Task<ConvertTrace?> InsideAsync(StoredImage image, CancellationToken cancellation)
    {
        if (image.BootstrapLayer is null) return null;
        try
        {
            ReadOnlyMemory<byte> files = (await RafsImageLoader.LoadAsync(image, cancellation)).PrefetchFiles;
            return files.IsEmpty ? null : ConvertTrace.Of(PrefetchFiles.Read(files));
        }
        catch (SluiceException error) when (error.Error == SluiceError.Image)
        {
            return null; // damaged: it is made anew now
        }
    }

    private bool IsOfUse(ConvertTrace trace) => byFiles ? trace.Files.Count > 0 : !trace.IsNone;
}
