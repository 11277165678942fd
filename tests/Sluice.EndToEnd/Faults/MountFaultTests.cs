using System.Net;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>What goes wrong before an image is mounted is said in words and by exit code; registries that come and go are waited for.</summary>
[Collection(FaultCollection.Name)]
public sealed class MountFaultTests(FaultImage image)
{
    private const int SourceFailed = 5;
    private const int Refused = 6;
    private const int TimedOut = 7;
    private const int NotFound = 4;

    [Fact]
    public async Task AnUnknownHostIsNamed()
    {
        (int code, string errors) = await FailAsync("docker://registry.invalid:5000/app:v1");
        Assert.Equal(SourceFailed, code);
        Assert.Matches("registry registry.invalid:5000: .*host name not found", errors);
    }

    [Fact]
    public async Task ARefusedConnectionIsNamed()
    {
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        int port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        (int code, string errors) = await FailAsync($"docker://127.0.0.1:{port}/app:v1");
        Assert.Equal(SourceFailed, code);
        Assert.Matches($"registry 127.0.0.1:{port}: .*connection refused", errors);
        Assert.Contains("is it running", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrong bytes", SourceFailed, "other content than its digest says")]
    [InlineData("silence", TimedOut, "nothing came")]
    [InlineData("reset", SourceFailed, "")]
    [InlineData("truncated", SourceFailed, "breaks off|ends|prematurely")]
    [InlineData("401", Refused, "login required")]
    [InlineData("403", Refused, "access denied")]
    [InlineData("404", NotFound, "does not exist")]
    [InlineData("500", SourceFailed, "status 500")]
    public async Task ABootstrapThatCanNotBeHadIsNamed(string kind, int exitCode, string reason)
    {
        LazyMount.SkipIfImpossible();
        await using FaultProxy proxy = new(image.Registry.Address);
        Fault fault = kind switch
        {
            "wrong bytes" => new Fault(FaultKind.WrongBytes),
            "silence" => new Fault(FaultKind.Silence),
            "reset" => new Fault(FaultKind.Reset),
            "truncated" => new Fault(FaultKind.Truncate) { AfterBytes = 10 },
            _ => Fault.Answer(int.Parse(kind, System.Globalization.CultureInfo.InvariantCulture)),
        };
        proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? fault : null;
        using Places places = new();
        (int code, string errors) = await LazyMount.FailAsync(places, $"docker://{proxy.Authority}/app:v1");
        Assert.True(code == exitCode, errors);
        Assert.Contains($"registry {proxy.Authority}: ", errors, StringComparison.Ordinal);
        Assert.Contains("blob sha256:", errors, StringComparison.Ordinal);
        Assert.Matches(reason, errors);
    }

    [Fact]
    public async Task TokensThatExpireEverySecondAreRenewed()
    {
        LazyMount.SkipIfImpossible();
        await using FaultProxy tokens = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        TokenGate gate = new(new Uri(tokens.Address, "/token"));
        tokens.Respond = gate.Issue;
        proxy.Respond = gate.Check;
        proxy.Always = _ => new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(100) };
        using Places places = new();
        await using LazyMount mount = await LazyMount.StartAsync(places, $"docker://{proxy.Authority}/app:v1");
        await mount.ReadAllRightAsync(image);
        Assert.True(gate.Issued > 1, $"{gate.Issued} tokens");
        await mount.UnmountAsync();
    }

    [Fact]
    public async Task ARegistryMayGoAndComeBack()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        FaultProxy proxy = new(image.Registry.Address);
        int port = new Uri(proxy.Address.AbsoluteUri).Port;
        await using LazyMount mount = await LazyMount.StartAsync(places, $"docker://{proxy.Authority}/app:v1");
        await mount.ReadAsync(image, [image.Names[0]]);
        await proxy.DisposeAsync();
        Dictionary<string, ReadResult> gone = await mount.ReadAsync(image, ["file-09"]);
        Assert.Equal(ReadResult.Failed, gone["file-09"]);
        await mount.LoggedAsync($"blob sha256:.*registry 127.0.0.1:{port}: .*connection refused");
        await using FaultProxy back = new(image.Registry.Address, port);
        await mount.ReadAllRightAsync(image);
        await mount.UnmountAsync();
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    public async Task ARegistryThatIsBackBeforeTheDeadlineCostsAPauseOnly(int status)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 30);
        await using FaultProxy proxy = new(image.Registry.Address);
        await using LazyMount mount = await LazyMount.StartAsync(places, $"docker://{proxy.Authority}/app:v1");
        int left = 20;
        proxy.Always = _ => Interlocked.Decrement(ref left) >= 0 ? Fault.Answer(status) : null;
        await mount.ReadAllRightAsync(image);
        Assert.True(left < 0);
        await mount.UnmountAsync();
    }

    private static async Task<(int ExitCode, string Errors)> FailAsync(string name)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        return await LazyMount.FailAsync(places, name);
    }
}
