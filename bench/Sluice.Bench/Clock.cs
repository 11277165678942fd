using System.Diagnostics;

namespace Sluice.Bench;

internal static class Clock
{
    /// <summary>How long something takes, in seconds.</summary>
    public static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
