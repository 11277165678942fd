using Sluice.Build.Unpack;
using Sluice.Containerd.Files;
using Sluice.Containerd.Snapshots.Ordinary;
using Sluice.Formats;

namespace Sluice.Node.Images;

/// <summary>An unpacked layer that waits to be asked for.</summary>
/// <param name="failed">Told why it does not fit.</param>
internal sealed class OrdinaryLayer(string directory, UnpackedLayer unpacked, Action<string> failed) : IOrdinaryLayer
{
    public string Directory { get; } = directory;

    public bool TryFit(IReadOnlyList<string> lowers)
    {
        try
        {
            unpacked.TakeAttributes(lowers);
            return true;
        }
        catch (SluiceException exception)
        {
            failed(exception.Message);
            return false;
        }
    }

    public void Dispose() => Remove(Directory);

    /// <summary>What can't be deleted now is at the next start.</summary>
    public static void Remove(string directory)
    {
        try
        {
            if (System.IO.Directory.Exists(directory)) TreeRemoval.Remove(directory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Nobody refers to it.
        }
    }
}
