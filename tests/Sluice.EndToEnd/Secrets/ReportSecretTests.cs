using System.Text;
using Sluice.EndToEnd.Admin;
using Sluice.EndToEnd.Harness;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Secrets;

/// <summary>Secrets are planted in everything that a node is configured with and that answers it; none may be in what it reports of itself.</summary>
public sealed class ReportSecretTests
{
    private const string Password = "planted-password";
    private const string Token = "planted-token";
    private const string Signature = "planted-signature";

    private static readonly string Basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"me:{Password}"));

    [Fact]
    public async Task Neither_status_nor_explain_nor_metrics_nor_doctor_tell_a_secret()
    {
        using TemporaryDirectory directory = new();
        await using FaultProxy collector = new() { Respond = _ => ProxyResponse.Json("{}") };
        string config = directory.File("config.yaml"), auth = directory.File("auth.json"), keys = directory.File("keys");
        await File.WriteAllTextAsync(keys, $"[default]\naws_access_key_id = planted-key\naws_secret_access_key = {Password}\n", TestMachine.Cancellation);
        await File.WriteAllTextAsync(config, $"""
            log_level: debug
            fetch: {"{"}deadline_seconds: 3{"}"}
            otlp_endpoint: {collector.Address}
            otlp_interval_seconds: 1
            registry: {"{"}auth_file: {auth}, proxy: "http://me:{Password}@proxy.invalid:3128"{"}"}
            sources:
            - {"{"}type: s3, endpoint: "http://127.0.0.1:1", bucket: blobs, credentials_file: {keys}{"}"}
            """, TestMachine.Cancellation);
        await File.WriteAllTextAsync(auth, "{}", TestMachine.Cancellation);
        await using TestNode node = await TestNode.StartAsync(null, "--config", config);
        await using FaultProxy registry = new(new Uri($"http://{node.Registry.Host}")), tokens = new();
        await File.WriteAllTextAsync(auth, "{\"auths\":{\"" + registry.Authority + "\":{\"auth\":\"" + Basic + "\"}}}", TestMachine.Cancellation);
        tokens.Respond = request => request.Header("Authorization") == $"Basic {Basic}" ? ProxyResponse.Json($$"""{"token":"{{Token}}","expires_in":2}""") : ProxyResponse.Json("{}", 401);
        registry.Respond = request => request.Header("Authorization") == $"Bearer {Token}" ? null : new ProxyResponse(401, Encoding.UTF8.GetBytes($"not {request.Header("Authorization")}"))
        {
            Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{new Uri(tokens.Address, $"/token?sig={Signature}")}\",service=\"test\"" },
        };
        string image = (await node.ConvertedAsync(new OrdinaryImage())).Replace(node.Registry.Host, registry.Authority, StringComparison.Ordinal);
        await node.PullAsync(image);
        string view = await node.ViewAsync("view");
        Fault[] faults =
        [
            Fault.RedirectTo($"http://me:{Password}@127.0.0.1:1/blob?X-Amz-Signature={Signature}&X-Amz-Credential={Password}"), Fault.RedirectTo($"ftp://me:{Password}@host/?sig={Signature}"),
            Fault.RedirectTo($"http://127.0.0.1:1/?token={Token}"), Fault.Answer(403),
        ];
        int turn = 0;
        registry.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? faults[turn++ % faults.Length] : null;
        Assert.NotEqual(0, (await Command.RunAsync("/bin/cat", [Path.Combine(view, "data/3")])).ExitCode);
        registry.Always = null;
        Assert.Equal(0, (await Command.RunAsync("/bin/cat", [Path.Combine(view, "data/4")])).ExitCode);

        Dictionary<string, string> said = [];
        foreach (string[] command in (string[][])[["status"], ["status", "--json"], ["explain", image, "--containerd-address", node.Containerd.Socket], ["explain", image, "--json", "--containerd-address", node.Containerd.Socket], ["cache", "ls"], ["reload"]])
            said[string.Join(' ', command)] = Text(await SluiceProgram.RunAsync([.. command, "--admin-address", node.AdminSocket]));
        foreach (string[] command in (string[][])[["doctor"], ["doctor", "--json"]])
            said[string.Join(' ', command)] = Text(await SluiceProgram.RunAsync([.. command, "--config", config, "--root", node.Root, "--state", node.State, "--containerd-address", node.Containerd.Socket]));
        foreach (string path in (string[])["/v1/metrics", "/v1/status", "/v1/images"])
            said[path] = await AdminSocketTests.AskAsync(node.AdminSocket, $"GET {path} HTTP/1.0\r\n\r\n");
        int pushed = collector.Requests.Count;
        await TestMachine.UntilAsync(() => collector.Requests.Count > pushed + 1, "the collector gets what there is now");
        said["OTLP"] = string.Join('\n', collector.Requests.Select(request => request.Target + string.Join(' ', request.Headers.Values) + Encoding.UTF8.GetString(request.Body)));
        await Command.RunAsync("/bin/umount", ["-l", view]);
        said["log"] = node.Daemon!.Log;

        Assert.All(said, one =>
        {
            Assert.True(one.Value.Length > 0 && !one.Value.Contains("planted-", StringComparison.Ordinal) && !one.Value.Contains(Basic, StringComparison.Ordinal), $"{one.Key}:\n{one.Value}");
        });
        Assert.Contains(registry.Authority, said["status"], StringComparison.Ordinal);
        Assert.Contains("sluice_source_state", said["OTLP"], StringComparison.Ordinal);
        Assert.Contains(registry.Authority, said["doctor"] + said["log"], StringComparison.Ordinal);

        static string Text(SluiceResult result) => result.Output + result.Error;
    }
}
