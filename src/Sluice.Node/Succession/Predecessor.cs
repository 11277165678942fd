using System.Diagnostics;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Storage.Cache;

namespace Sluice.Node.Succession;

/// <summary>A process that used the same directories.</summary>
internal static class Predecessor
{
    /// <summary>It lets requests in flight end, and writes what it has to.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Waits until it has given back its locks. Not for its end, which may take longer.</summary>
    /// <exception cref="SluiceException">It does not in time.</exception>
    public static async Task UntilGoneAsync(NodeOptions options, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!IsGone(options.State))
        {
            if (Stopwatch.GetElapsedTime(begin) > Patience) throw new SluiceException(SluiceError.Timeout, options.State, $"the daemon that was to leave it has not in {Patience.TotalSeconds:0} s", "its log says why");
            await Task.Delay(2, cancellation);
        }
    }

    /// <summary>True if no process has the lock of a state directory.</summary>
    public static bool IsGone(string state)
    {
        try
        {
            using DirectoryLock taken = DirectoryLock.Take(state, "");
            return true;
        }
        catch (SluiceException)
        {
            return false;
        }
    }
}
