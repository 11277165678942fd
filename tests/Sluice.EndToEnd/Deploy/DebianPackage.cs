using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The Debian package, made once a run by <c>./build.sh --deb</c>, and one of a later version from the same program.</summary>
internal static class DebianPackage
{
    public const string LaterVersion = "99.0";

    private static readonly Lazy<Task<string>> Made = new(MakeAsync);
    private static readonly Lazy<Task<string>> MadeLater = new(MakeLaterAsync);

    /// <summary>Full path of the package.</summary>
    public static Task<string> BuildAsync() => Made.Value;

    /// <summary>Full path of the same with <see cref="LaterVersion"/>.</summary>
    public static Task<string> BuildLaterAsync() => MadeLater.Value;

    /// <summary>Packs what <see cref="BuildAsync"/> has compiled once more.</summary>
    public static async Task<string> PackAsync(string output, params string[] version)
    {
        await BuildAsync();
        return await RunAsync(Repository.File("deploy/debian/build.sh"), [Repository.File("artifacts/native"), output, .. version]);
    }

    private static Task<string> MakeAsync() => RunAsync(Repository.File("build.sh"), ["--deb"]);

    private static Task<string> MakeLaterAsync() => PackAsync(Repository.File($"artifacts/sluice_{LaterVersion}_amd64.deb"), LaterVersion);

    /// <summary>The path of the package is the last thing that both programs say.</summary>
    private static async Task<string> RunAsync(string program, string[] arguments)
    {
        Command.RequireRoot();
        Command.Require("dpkg-deb");
        // Only one processor's worth: others build, too. No server stays behind.
        Dictionary<string, string?> environment = new() { ["MSBUILDDISABLENODEREUSE"] = "1", ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0" };
        (int exitCode, string output) = await Command.RunAsync(program, arguments, environment, Repository.Root);
        Assert.True(exitCode == 0, $"{program}: {output}");
        return Path.GetFullPath(output.TrimEnd().Split('\n')[^1], Repository.Root);
    }
}
