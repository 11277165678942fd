namespace Sluice.Kernel.Tests.Support;

internal static class Wait
{
    /// <summary>Waits for a condition that becomes true by itself; the limit only ends a hanging test.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition()) await Task.Delay(5, limit.Token);
    }
}
