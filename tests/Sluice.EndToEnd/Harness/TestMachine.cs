using Sluice.Testing.Runtime;

// Most of their time tests wait for other processes, so two run at a time: each looks only at what is below its own directory. Those that can't share the machine are in
// collections without parallelization.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]

namespace Sluice.EndToEnd.Harness;

/// <summary>What every test here needs.</summary>
internal static class TestMachine
{
    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Skips the calling test where mounts are not allowed or fast tests are wanted.</summary>
    public static void RequireMounts()
    {
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("SLUICE_TEST_FAST"))) Assert.Skip("SLUICE_TEST_FAST is set");
        Command.RequireRoot();
        if (!File.Exists("/dev/fuse")) Assert.Skip("there is no /dev/fuse");
    }

    public static void RequireContainerd()
    {
        RequireMounts();
        ContainerdProcess.Require();
    }

    /// <summary>Waits for a condition that another process brings about.</summary>
    public static Task UntilAsync(Func<bool> condition, string what) => UntilAsync(() => Task.FromResult(condition()), what);

    /// <inheritdoc cref="UntilAsync(Func{bool}, string)"/>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            if (limit.IsCancellationRequested) Assert.Fail($"waited in vain: {what}");
            await Task.Delay(20);
        }
    }
}
