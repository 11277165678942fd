using System.Globalization;

namespace Sluice.Node.Status;

/// <summary>
/// How often a daemon was started with a state directory, that is since the machine was started, and what it took over then: <c>STATE/starts</c>, numbers in a line. Figures for people; losing them is no failure.
/// </summary>
/// <param name="Starts">This one included.</param>
/// <param name="TakeOvers">Starts that took over what an earlier daemon had left.</param>
internal sealed record DaemonStarts(long Starts, TakeOverCounts TakeOvers)
{
    private const string FileName = "starts";

    /// <summary>Says how the last daemon ended; not there if it was killed.</summary>
    private const string EndFileName = "end";

    private const string Stopped = "stopped", Upgraded = "upgraded";

    /// <summary>Counts a start.</summary>
    /// <param name="tookOver">A connection was taken over.</param>
    public static DaemonStarts Next(string state, bool tookOver)
    {
        DaemonStarts now = Read(state);
        string? end = Try(() => File.ReadAllText(Path.Combine(state, EndFileName)));
        TakeOverCounts counts = now.TakeOvers;
        now = new DaemonStarts(now.Starts + 1, !tookOver ? counts : end switch
        {
            Stopped => counts with { Stopped = counts.Stopped + 1 },
            Upgraded => counts with { Upgraded = counts.Upgraded + 1 },
            _ => counts with { Killed = counts.Killed + 1 },
        });
        counts = now.TakeOvers;
        Try(() =>
        {
            File.Delete(Path.Combine(state, EndFileName));
            File.WriteAllText(Path.Combine(state, FileName), string.Create(CultureInfo.InvariantCulture, $"{now.Starts} {counts.Killed} {counts.Stopped} {counts.Upgraded}"));
            return "";
        });
        return now;
    }

    /// <summary>A daemon ends in order, and leaves what it has mounted.</summary>
    /// <param name="toSuccessor">One that has asked for it.</param>
    public static void End(string state, bool toSuccessor) => Try(() =>
    {
        File.WriteAllText(Path.Combine(state, EndFileName), toSuccessor ? Upgraded : Stopped);
        return "";
    });

    private static DaemonStarts Read(string state)
    {
        string[] fields = Try(() => File.ReadAllText(Path.Combine(state, FileName)))?.Split(' ') ?? [];
        return new DaemonStarts(Field(0), new TakeOverCounts(Field(1), Field(2), Field(3)));

        long Field(int index) => index < fields.Length && int.TryParse(fields[index], NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0;
    }

    /// <summary>Null where there is no such file, or the state directory is full or read-only: whatever needs it more will say so.</summary>
    private static string? Try(Func<string> action)
    {
        try
        {
            return action();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
