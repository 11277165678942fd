using System.Text.Json;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;

namespace Sluice.Node.Images;

/// <summary>
/// What commits make stand still, noted in the state directory before it does: if the daemon is killed meanwhile, the next one lets it go on.
/// </summary>
internal sealed class Halts
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(30);

    private readonly NodeOptions _options;
    private readonly Action<string> _log;
    private readonly List<string> _left;

    /// <summary>To be made before anything is noted: what is there now was left by a killed process.</summary>
    public Halts(NodeOptions options, Action<string> log)
    {
        (_options, _log) = (options, log);
        _left = Directory.Exists(options.HaltsDirectory) ? [.. Directory.EnumerateFiles(options.HaltsDirectory)] : [];
    }

    /// <summary>Notes what is about to stand still. To be disposed when it goes on.</summary>
    /// <exception cref="SluiceException">The state directory can't be written: nothing must be halted then.</exception>
    public IDisposable Note(Halt halt)
    {
        string path = Path.Combine(_options.HaltsDirectory, Guid.NewGuid().ToString("n"));
        try
        {
            Directory.CreateDirectory(_options.HaltsDirectory);
            File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(halt, HaltJson.Default.Halt));
            return new Noted(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be written: {exception.Message}", "free space in the state directory", exception);
        }
    }

    /// <summary>Lets go on what a killed process has left. Returns when nothing is left, or when it is cancelled: a containerd that is away is asked again.</summary>
    public async Task UndoAsync(CancellationToken cancellation)
    {
        HashSet<string> said = [];
        for (TimeSpan pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            foreach (string path in _left.ToArray())
            {
                try
                {
                    if (!await TryUndoAsync(path, cancellation)) continue;
                    File.Delete(path);
                    _left.Remove(path);
                }
                catch (Exception exception) when (exception is SluiceException or IOException or UnauthorizedAccessException)
                {
                    if (said.Add(path)) _log($"{path}: what a commit has halted can't go on yet: {exception.Message}");
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }

            if (_left.Count == 0) return;
            await Task.Delay(pause, cancellation).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            if (cancellation.IsCancellationRequested) return;
        }
    }

    /// <summary>False if it must be asked again.</summary>
    private async Task<bool> TryUndoAsync(string path, CancellationToken cancellation)
    {
        if (Read(path) is not { } halt) return true; // the process was killed while it wrote this, and had halted nothing
        if (halt.Directory is { } directory)
        {
            // Only what is still ours: anything else that is frozen was frozen by somebody else. Its server may be this process.
            bool isOurs = MountTable.Find(directory) is { } mount && ImageMounts.BackingFileOf(mount.Source).StartsWith(_options.WritableDisksDirectory + "/", StringComparison.Ordinal);
            if (isOurs) await Task.Factory.StartNew(() => FrozenFileSystem.ThawLeftOver(directory), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        else if (halt is { Containerd: { } socket, Namespace: { } ofContainer, Container: { } container })
        {
            using var client = new ContainerdClient(socket, ofContainer);
            if (!await client.Containers.TryResumeAsync(container, cancellation)) return false;
        }

        _log($"{halt}: goes on, a commit of an earlier process had halted it");
        return true;
    }

    private static Halt? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), HaltJson.Default.Halt);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed class Noted(string path) : IDisposable
    {
        public void Dispose() => File.Delete(path);
    }
}
