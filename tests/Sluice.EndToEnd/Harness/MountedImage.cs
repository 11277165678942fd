using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Kernel.Mounts;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>An image that <c>sluice mount</c> serves from the background.</summary>
internal sealed partial class MountedImage : IAsyncDisposable
{
    private MountedImage(string directory, int processId) => (Directory, ProcessId) = (directory, processId);

    public string Directory { get; }

    public int ProcessId { get; }

    public bool IsMounted => MountTable.Find(Directory) is not null;

    public bool IsServed => System.IO.Directory.Exists($"/proc/{ProcessId}");

    /// <summary>Mounts on the directory <paramref name="name"/> of the workspace; cache and state are <c>NAME-cache</c> and <c>NAME-state</c> there.</summary>
    public static async Task<MountedImage> MountAsync(Workspace workspace, string image, string name, params string[] more)
    {
        string directory = workspace.MakeDirectory(name);
        SluiceResult result = await SluiceProgram.RunAsync(
            ["mount", image, directory, "--root", workspace.File(name + "-cache"), "--state", workspace.File(name + "-state"), .. more]);
        result.Succeeds();
        return new MountedImage(directory, int.Parse(Process().Match(result.Output).Groups[1].Value, CultureInfo.InvariantCulture));
    }

    /// <summary><c>sluice umount</c>, and waits until the process has ended.</summary>
    public async Task UnmountAsync()
    {
        (await SluiceProgram.RunAsync("umount", Directory)).Succeeds();
        Assert.False(IsMounted);
        await TestMachine.UntilAsync(() => !IsServed, $"the process {ProcessId} ends after the unmount");
    }

    public async ValueTask DisposeAsync()
    {
        if (IsServed) await Command.RunAsync("/bin/kill", [ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await TestMachine.UntilAsync(() => !IsServed, $"the process {ProcessId} ends after SIGTERM");
    }

    [GeneratedRegex(@"\(process (\d+);")]
    private static partial Regex Process();
}
