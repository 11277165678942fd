using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Sluice.Formats.OverlayBd.ZFile;
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
    [InlineData(MountForm.RafsFile, "wrong bytes", SourceFailed, "other content than its digest says")]
    [InlineData(MountForm.RafsFile, "silence", TimedOut, "nothing came")]
    [InlineData(MountForm.RafsFile, "reset", SourceFailed, "")]
    [InlineData(MountForm.RafsFile, "truncated", SourceFailed, "breaks off|ends|prematurely")]
    [InlineData(MountForm.RafsFile, "401", Refused, "login required")]
    [InlineData(MountForm.RafsFile, "403", Refused, "access denied")]
    [InlineData(MountForm.RafsFile, "404", NotFound, "does not exist")]
    [InlineData(MountForm.RafsFile, "500", SourceFailed, "status 500")]
    [InlineData(MountForm.OverlayBd, "wrong bytes", SourceFailed, "checksum")]
    [InlineData(MountForm.OverlayBd, "reset", SourceFailed, "")]
    [InlineData(MountForm.OverlayBd, "truncated", SourceFailed, "breaks off|ends|prematurely")]
    [InlineData(MountForm.OverlayBd, "401", Refused, "login required")]
    [InlineData(MountForm.OverlayBd, "404", NotFound, "does not exist")]
    [InlineData(MountForm.OverlayBd, "500", SourceFailed, "status 500")]
    public async Task MetadataThatCanNotBeHadIsNamed(MountForm form, string kind, int exitCode, string reason)
    {
        LazyMount.SkipIfImpossible();
        await using FaultProxy proxy = new(image.Registry.Address);
        Fault fault = kind switch
        {
            "wrong bytes" => new Fault(FaultKind.WrongBytes) { Damage = form == MountForm.OverlayBd ? DamageBlocks : null },
            "silence" => new Fault(FaultKind.Silence),
            "reset" => new Fault(FaultKind.Reset),
            "truncated" => new Fault(FaultKind.Truncate) { AfterBytes = 10 },
            _ => Fault.Answer(int.Parse(kind, System.Globalization.CultureInfo.InvariantCulture)),
        };
        proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? fault : null;
        using Places places = new();
        (int code, string errors) = await LazyMount.FailAsync(places, FaultImage.Arguments(form, proxy.Authority));
        Assert.True(code == exitCode, errors);
        Assert.Contains($"registry {proxy.Authority}: ", errors, StringComparison.Ordinal);
        Assert.Matches("(blob|layer) sha256:", errors);
        Assert.Matches(reason, errors);
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task TokensThatExpireEverySecondAreRenewed(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        await using FaultProxy tokens = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        TokenGate gate = new(new Uri(tokens.Address, "/token"));
        tokens.Respond = gate.Issue;
        proxy.Respond = gate.Check;
        proxy.Always = _ => new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(100) };
        using Places places = new();
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
        await mount.ReadAllRightAsync(image);
        Assert.True(gate.Issued > 1, $"{gate.Issued} tokens");
        await mount.UnmountAsync();
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task ARegistryMayGoAndComeBack(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        FaultProxy proxy = new(image.Registry.Address);
        int port = new Uri(proxy.Address.AbsoluteUri).Port;
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
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
    [InlineData(MountForm.RafsFile, 500)]
    [InlineData(MountForm.RafsFile, 503)]
    [InlineData(MountForm.OverlayBd, 503)]
    public async Task ARegistryThatIsBackBeforeTheDeadlineCostsAPauseOnly(MountForm form, int status)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 30);
        await using FaultProxy proxy = new(image.Registry.Address);
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
        int left = 20;
        proxy.Always = _ => Interlocked.Decrement(ref left) >= 0 ? Fault.Answer(status) : null;
        await mount.ReadAllRightAsync(image);
        Assert.True(left < 0);
        await mount.UnmountAsync();
    }

    /// <summary>
    /// Every block of a layer is wrong but those of its index, at its end: the image is found, and its file system can't be read. Of a part that does not
    /// reach to the end, everything is wrong.
    /// </summary>
    private static void DamageBlocks(byte[] part)
    {
        const int indexBlocks = 3;
        int trailer = part.AsSpan().LastIndexOf("ZFile\0\u0001"u8);
        if (trailer < 0)
        {
            for (int i = 0; i < part.Length; i++) part[i] ^= 1;
            return;
        }

        int blocks = ZFileHeader.Read(part.AsSpan(trailer, ZFileHeader.Size)).BlockCount;
        int table = trailer - (sizeof(uint) * blocks), start = table;
        for (int block = blocks - 1; block >= 0; block--)
        {
            start -= (int)BinaryPrimitives.ReadUInt32LittleEndian(part.AsSpan(table + (sizeof(uint) * block)));
            if (start < 0) return;
            if (block < blocks - indexBlocks) part[start] ^= 1;
        }
    }

    private static async Task<(int ExitCode, string Errors)> FailAsync(string name)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        return await LazyMount.FailAsync(places, name);
    }
}
