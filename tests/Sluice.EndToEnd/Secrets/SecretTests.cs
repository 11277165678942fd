using System.Text;
using Sluice.EndToEnd.Faults;
using Sluice.EndToEnd.Harness;
using Sluice.Testing;

namespace Sluice.EndToEnd.Secrets;

/// <summary>Secrets of every kind are planted where they pass through; none may be in what the programs say, whatever goes wrong.</summary>
[Collection(FaultCollection.Name)]
public sealed class SecretTests(FaultImage image)
{
    private const string Password = "planted-password";
    private const string Token = "planted-token";
    private const string Signature = "planted-signature";

    private static readonly string Basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"me:{Password}"));

    [Fact]
    public async Task Neither_logs_nor_errors_nor_the_admin_API_tell_a_secret()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 2);
        await using FaultProxy tokens = new() { Respond = Issue }, registry = new(image.Registry.Address);
        bool repeats = false;
        registry.Respond = request => request.Header("Authorization") == $"Bearer {Token}" ? (repeats ? Repeat(request) : null) : new ProxyResponse(401, Encoding.UTF8.GetBytes($"not {request.Header("Authorization")}"))
        {
            Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{new Uri(tokens.Address, $"/token?sig={Signature}")}\",service=\"test\"" },
        };
        string auth = places.Of("auth.json");
        await File.WriteAllTextAsync(auth, "{\"auths\":{\"" + registry.Authority + "\":{\"auth\":\"" + Basic + "\"}}}");
        await File.WriteAllTextAsync(places.Config, $"log_level: debug\nregistry:\n  auth_file: {auth}\nfetch:\n  deadline_seconds: 2\n");
        string said = "";

        // A mount whose reads fail in all the ways that have a secret in them.
        await using (LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(MountForm.RafsFile, registry.Authority)))
        {
            string[] files = FaultImage.FirstLayer;
            Fault[] faults =
            [
                Fault.RedirectTo($"http://me:{Password}@127.0.0.1:1/blob?X-Amz-Signature={Signature}&X-Amz-Credential={Password}"), Fault.RedirectTo($"ftp://me:{Password}@host/?sig={Signature}"), Fault.RedirectTo($"http://127.0.0.1:1/?token={Token}"),
                Fault.Answer(403), new Fault(FaultKind.Reset), new Fault(FaultKind.Stall), new Fault(FaultKind.RedirectLoop),
            ];
            int turn = 0;
            registry.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? faults[turn++ % faults.Length] : null;
            await mount.ReadAsync(image, files);
            registry.Always = null;
            repeats = true;
            await mount.ReadAsync(image, ["file-09"]);
            await mount.LoggedAsync(@"you sent Bearer \*\*\* to http://\*\*\*@host/\?sig=\*\*\*");
            await mount.UnmountAsync();
            Assert.NotEmpty(mount.Log);
            said += string.Join('\n', mount.Log);
        }

        // A daemon that is asked to pull with a login that is refused, and from a registry that repeats what it was sent.
        using Workspace workspace = new();
        await using (SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"), "--config", places.Config))
        {
            string admin = SluiceDaemon.AdminSocketOf(workspace.File("sluice"));
            tokens.Respond = request => ProxyResponse.Json($$"""{"errors":[{"code":"DENIED","message":"no access with {{request.Header("Authorization")}} at http://me:{{Password}}@host/?token={{Token}}"}]}""", 403);
            said += await PullAsync(admin, $"{registry.Authority}/app:rafs");
            tokens.Respond = _ => ProxyResponse.Json($$"""{"password":"{{Password}}","token":5}""");
            said += await PullAsync(admin, $"{registry.Authority}/app:rafs");
            await File.WriteAllTextAsync(auth, "{\"auths\":{\"" + registry.Authority + "\":{\"auth\":\"" + Basic + "!\"}}}");
            said += await PullAsync(admin, $"{registry.Authority}/app:rafs");
            await daemon.StopAsync();
            said += daemon.Log;
        }

        Assert.Contains("was refused by its token server", said, StringComparison.Ordinal);
        Assert.Contains("has a broken 'auth'", said, StringComparison.Ordinal);
        Assert.DoesNotContain("planted-", said, StringComparison.Ordinal);
        Assert.DoesNotContain(Basic, said, StringComparison.Ordinal);
        Assert.DoesNotContain(Basic, string.Join(' ', Directory.EnumerateFiles(places.Root, "*.json", SearchOption.AllDirectories).Select(File.ReadAllText)), StringComparison.Ordinal);

        static ProxyResponse Issue(ProxyRequest request) => request.Header("Authorization") == $"Basic {Basic}" ? ProxyResponse.Json($$"""{"token":"{{Token}}"}""") : ProxyResponse.Json("{}", 401);

        static ProxyResponse Repeat(ProxyRequest request) =>
            ProxyResponse.Json($$"""{"errors":[{"message":"you sent {{request.Header("Authorization")}} to http://me:{{Password}}@host/?sig={{Signature}}"}]}""", 500);

        static async Task<string> PullAsync(string admin, string name)
        {
            SluiceResult result = await SluiceProgram.RunAsync("pull", name, "--admin-address", admin);
            Assert.NotEqual(0, result.ExitCode);
            return result.Output + result.Error;
        }
    }
}
