namespace Sluice.Storage.Tests.Fetching;

/// <summary>Waits for a state that other threads bring about.</summary>
internal static class Eventually
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            Assert.False(limit.IsCancellationRequested, "it never happened");
            await Task.Delay(1);
        }
    }
}
