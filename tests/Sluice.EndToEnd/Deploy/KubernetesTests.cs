using System.Text.Json.Nodes;
using Sluice.EndToEnd.Harness;
using Sluice.Node.Configuration;
using Sluice.Testing;
using Sluice.Testing.Runtime;
using YamlDotNet.RepresentationModel;

namespace Sluice.EndToEnd.Deploy;

/// <summary>Manifest, chart and what runs on the node before the daemon. There is no cluster here; what can be seen without is.</summary>
public sealed class KubernetesTests
{
    private static readonly string Manifest = Repository.File("deploy/kubernetes/sluice.yaml");

    [Fact]
    public async Task The_manifest_is_the_chart_with_its_defaults()
    {
        string rendered = await HelmChart.RenderAsync();
        string manifest = await File.ReadAllTextAsync(Manifest);
        Assert.EndsWith(rendered, manifest, StringComparison.Ordinal);
        Assert.All(manifest[..^rendered.Length].TrimEnd().Split('\n'), line => Assert.StartsWith("#", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_value_of_the_chart_ends_in_a_manifest_that_holds_together()
    {
        string rendered = await HelmChart.RenderAsync(values =>
        {
            values["image"]!["tag"] = "7";
            values["imagePullSecrets"] = new JsonArray(new JsonObject { ["name"] = "pull" });
            values["registrySecret"] = "logins";
            values["nodeSelector"] = new JsonObject { ["kubernetes.io/arch"] = "amd64" };
            values["containerd"]!["dropIn"] = "sluice-2.toml";
            values["containerd"]!["restart"] = true;
            values["config"] = "log_level: debug\nfetch:\n  concurrency: 4\n";
        });
        IReadOnlyList<YamlNode> documents = Check(rendered);
        Assert.Equal("log_level: debug\nfetch:\n  concurrency: 4\n", documents.Single(document => document["kind"].ToString() == "ConfigMap")["data"]["config.yaml"].ToString());
        foreach (string value in (string[])["sluice:7", "secretName: logins", "name: pull", "kubernetes.io/arch: amd64", "containerd/sluice-2.toml", "value: \"true\""]) Assert.Contains(value, rendered, StringComparison.Ordinal);
    }

    [Fact]
    public void Mounts_of_the_daemon_reach_the_node_and_its_keeper_outlives_rollouts()
    {
        IReadOnlyList<YamlNode> documents = Check(File.ReadAllText(Manifest));
        YamlNode daemon = Pod(documents, "sluice"), keeper = Pod(documents, "sluice-keeper");
        foreach (string path in (string[])["/var/lib/sluice", "/run/sluice"])
        {
            YamlNode mount = Items(Items(daemon, "containers").Single(), "volumeMounts").Single(mount => mount["mountPath"].ToString() == path);
            Assert.Equal("Bidirectional", mount["mountPropagation"].ToString());
            Assert.Equal(path, HostPath(daemon, mount["name"].ToString())); // containerd is told this path
        }

        Assert.Equal("/run/sluice", HostPath(keeper, Items(Items(keeper, "containers").Single(), "volumeMounts").Single()["name"].ToString()));
        Assert.Equal("OnDelete", documents.Single(document => document["metadata"]["name"].ToString() == "sluice-keeper")["spec"]["updateStrategy"]["type"].ToString());
    }

    [Fact]
    public void There_are_no_rights_in_the_cluster()
    {
        IReadOnlyList<YamlNode> documents = Check(File.ReadAllText(Manifest));
        Assert.All(documents, document => Assert.Contains(document["kind"].ToString(), (string[])["ConfigMap", "DaemonSet"]));
        foreach (string name in (string[])["sluice", "sluice-keeper"]) Assert.Equal("false", Pod(documents, name)["automountServiceAccountToken"].ToString());
    }

    [Fact]
    public async Task The_configuration_in_the_manifest_is_one_that_the_daemon_takes()
    {
        using TemporaryDirectory directory = new();
        string text = Check(await File.ReadAllTextAsync(Manifest)).Single(document => document["kind"].ToString() == "ConfigMap")["data"]["config.yaml"].ToString();
        await File.WriteAllTextAsync(directory.File("config.yaml"), text);
        Assert.Equal(new NodeOptions().Root, ConfigurationFile.Read(directory.File("config.yaml")).Root);
    }

    [Fact]
    public void Chart_and_package_have_the_version_of_the_project()
    {
        string properties = File.ReadAllText(Repository.File("Directory.Build.props"));
        foreach (string field in (string[])["version", "appVersion"]) Assert.Contains($"<Version>{HelmChart.Description[field]}</Version>", properties, StringComparison.Ordinal);
    }

    /// <summary>Probes and commands that the program does not know would be found on the first node only.</summary>
    [Fact]
    public async Task The_program_knows_what_the_manifest_asks_of_it()
    {
        IReadOnlyList<YamlNode> documents = Check(await File.ReadAllTextAsync(Manifest));
        foreach (YamlNode container in (YamlNode[])[Items(Pod(documents, "sluice"), "containers").Single(), Items(Pod(documents, "sluice-keeper"), "containers").Single()])
        {
            List<YamlNode> commands = [container["command"]];
            foreach (string probe in (string[])["startupProbe", "livenessProbe"])
            {
                if (((YamlMappingNode)container).Children.TryGetValue(probe, out YamlNode? found)) commands.Add(found["exec"]["command"]);
            }

            foreach (YamlSequenceNode command in commands.Cast<YamlSequenceNode>())
            {
                string[] words = [.. command.Select(word => word.ToString())];
                Assert.Equal("sluice", words[0]);
                SluiceResult help = (await SluiceProgram.RunAsync([.. words[1..], "--help"])).Succeeds();
                Assert.Contains($"sluice {words[1]}", help.Output, StringComparison.Ordinal); // else it is the help for what there is
            }
        }
    }

    [Fact]
    public async Task Containerd_gets_its_drop_in_once()
    {
        using TemporaryDirectory directory = new();
        string nsenter = directory.File("nsenter"), log = directory.File("log");
        await File.WriteAllTextAsync(nsenter, $"#!/bin/sh\necho \"$@\" >> {log}\n");
        File.SetUnixFileMode(nsenter, (UnixFileMode)0x1ed /* 0755 */);
        Dictionary<string, string?> environment = new()
        {
            ["PATH"] = $"{directory.Path}:{Environment.GetEnvironmentVariable("PATH")}",
            ["HOST_ETC"] = Directory.CreateDirectory(directory.File("etc")).FullName,
            ["DROP_IN"] = Repository.File("deploy/containerd/sluice.toml"),
            ["RESTART_CONTAINERD"] = "true",
        };
        for (int round = 0; round < 2; round++)
        {
            (int exitCode, string output) = await Command.RunAsync("/bin/sh", [Repository.File("deploy/kubernetes/prepare-node")], environment);
            Assert.True(exitCode == 0, output);
            Assert.Contains("does not import conf.d", output, StringComparison.Ordinal);
            await File.AppendAllTextAsync(log, "round\n", TestMachine.Cancellation);
        }

        Assert.Equal(await File.ReadAllTextAsync(environment["DROP_IN"]!), await File.ReadAllTextAsync(directory.File("etc/conf.d/sluice.toml")));
        string[] asked = [.. (await File.ReadAllLinesAsync(log)).Select(line => line.Split(" -- ")[^1])];
        Assert.Equal(["modprobe --all --quiet fuse loop erofs overlay", "systemctl try-restart containerd.service", "round", "modprobe --all --quiet fuse loop erofs overlay", "round"], asked);
    }

    /// <summary>Parses it; every field is one that there is, and every volume that is mounted is there.</summary>
    private static IReadOnlyList<YamlNode> Check(string manifest)
    {
        IReadOnlyList<YamlNode> documents = HelmChart.Parse(manifest);
        Assert.Equal(3, documents.Count);
        Assert.Empty(documents.SelectMany(KubernetesFields.Unknown));
        foreach (YamlNode pod in documents.Where(document => document["kind"].ToString() == "DaemonSet").Select(set => set["spec"]["template"]["spec"]))
        {
            string[] volumes = [.. Items(pod, "volumes").Select(volume => volume["name"].ToString())];
            string[] mounted = [.. Items(pod, "containers").Concat(Items(pod, "initContainers")).SelectMany(container => Items(container, "volumeMounts")).Select(mount => mount["name"].ToString())];
            Assert.Equal(volumes.Order(), mounted.Distinct().Order());
        }

        foreach (YamlNode set in documents.Where(document => document["kind"].ToString() == "DaemonSet"))
        {
            Assert.Equal(set["spec"]["selector"]["matchLabels"].ToString(), set["spec"]["template"]["metadata"]["labels"].ToString());
        }

        return documents;
    }

    private static YamlNode Pod(IReadOnlyList<YamlNode> documents, string name) =>
        documents.Single(document => document["kind"].ToString() == "DaemonSet" && document["metadata"]["name"].ToString() == name)["spec"]["template"]["spec"];

    private static string HostPath(YamlNode pod, string volume) => Items(pod, "volumes").Single(item => item["name"].ToString() == volume)["hostPath"]["path"].ToString();

    private static IEnumerable<YamlNode> Items(YamlNode node, string field) =>
        ((YamlMappingNode)node).Children.TryGetValue(field, out YamlNode? found) ? (YamlSequenceNode)found : [];
}
