using System.Globalization;

namespace Sluice.Node.Status;

/// <summary>Counts how often a daemon was started with a state directory, that is since the machine was started: <c>STATE/starts</c>. A figure for people; losing it is no failure.</summary>
internal static class StartCounter
{
    /// <summary>This start included.</summary>
    public static long Next(string state)
    {
        string path = Path.Combine(state, "starts");
        long count = 1;
        try
        {
            if (File.Exists(path) && long.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out long before) && before < long.MaxValue) count = before + 1;
            File.WriteAllText(path, count.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The state directory is full or read-only: whatever needs it more will say so.
        }

        return count;
    }
}
