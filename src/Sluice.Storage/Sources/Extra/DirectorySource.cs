using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Extra;

/// <summary>Blobs as files in a directory, which may be that of a file server and hang.</summary>
internal sealed class DirectorySource(ExtraSourceOptions options, SourcePlace place) : IBlobSource
{
    // A hung file server keeps threads: so many and no more.
    private const int MostThreads = 8;

    private readonly SemaphoreSlim _threads = new(MostThreads);

    public string Name => place.Name;

    public SourcePlace Place => place;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        await _threads.WaitAsync(cancellation).ConfigureAwait(false);

        // A thread of its own, not one of the pool's. It is waited for even when cancelled: it writes to the caller's buffer.
        await Task.Factory.StartNew(() => ReadAndLeave(blob, offset, destination, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        _threads.Dispose();
        return ValueTask.CompletedTask;
    }

    private void ReadAndLeave(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            Read(Path.Combine(options.Path, ObjectName.Of(options.Object, blob)), blob, offset, destination.Span, cancellation);
        }
        finally
        {
            try
            {
                _threads.Release();
            }
            catch (ObjectDisposedException)
            {
                // The image was unmounted while the file server hung.
            }
        }
    }

    private void Read(string path, Digest blob, long offset, Span<byte> destination, CancellationToken cancellation)
    {
        const int Step = 1 << 20;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            while (!destination.IsEmpty)
            {
                cancellation.ThrowIfCancellationRequested();
                int read = RandomAccess.Read(file, destination[..Math.Min(Step, destination.Length)], offset);
                if (read == 0) throw new RegistryFault(SluiceError.Source, Name, $"blob {blob} ends at byte {offset}, before the wanted range does", "copy the file again");
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            if (Directory.Exists(options.Path)) throw new RegistryFault(SluiceError.NotFound, Name, $"blob {blob} does not exist", inner: exception);
            throw new RegistryFault(SluiceError.Source, Name, "the directory is not there", "is it mounted?", transient: true, inner: exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new RegistryFault(SluiceError.Unauthorized, Name, $"blob {blob}: {exception.Message}", "let root read the files", inner: exception);
        }
        catch (IOException exception)
        {
            throw new RegistryFault(SluiceError.Source, Name, $"blob {blob}: {exception.Message}", transient: true, inner: exception);
        }
    }
}
