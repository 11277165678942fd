using Sluice.Formats;
using Sluice.Storage.Sources.Credentials;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sluice.Node.Configuration;

/// <summary>
/// The kubelet's <c>CredentialProviderConfig</c>, the file of its <c>--image-credential-provider-config</c>; YAML or JSON. Providers that need a
/// service account's token are left out: a node has none. Source: Kubernetes, kubelet.config.k8s.io/v1.
/// </summary>
internal static class CredentialProviderFile
{
    private const string Protocol = "credentialprovider.kubelet.k8s.io/";
    private static readonly TimeSpan StandardLife = TimeSpan.FromHours(12);

    /// <param name="directory">Where the programs are.</param>
    /// <returns>Those that can be asked, and the names of the others.</returns>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: names file and line.</exception>
    public static (IReadOnlyList<CredentialProvider> Providers, IReadOnlyList<string> Skipped) Read(string file, string directory)
    {
        YamlStream stream = [];
        try
        {
            using StreamReader reader = new(file);
            stream.Load(reader);
        }
        catch (YamlException error)
        {
            throw new SluiceException(SluiceError.Configuration, $"{file}:{error.Start.Line}", "is not YAML", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, file, error.Message, inner: error);
        }

        if (stream.Documents.Count == 0 || stream.Documents[0].RootNode is not YamlMappingNode root || Text(root, "kind") != "CredentialProviderConfig")
        {
            throw new SluiceException(SluiceError.Configuration, file, "is no CredentialProviderConfig", "it is the file of the kubelet's --image-credential-provider-config");
        }

        if (Get(root, "providers") is not YamlSequenceNode list) return ([], []);
        ILookup<bool, YamlMappingNode> providers = list.Children.OfType<YamlMappingNode>().ToLookup(NeedsServiceAccount);
        return ([.. providers[false].Select(provider => ToProvider(provider, file, directory))], [.. providers[true].Select(provider => Text(provider, "name") ?? "without name")]);
    }

    private static CredentialProvider ToProvider(YamlMappingNode node, string file, string directory)
    {
        string name = Text(node, "name") ?? throw Wrong(node, file, "a provider needs a name");
        string program = Path.Combine(directory, name);
        if (name is "." or ".." || name.Contains('/', StringComparison.Ordinal)) throw Wrong(node, file, $"'{name}' is no name of a program");
        if (!File.Exists(program)) throw Wrong(node, file, $"the provider '{name}' is not in {directory}");
        string version = Text(node, "apiVersion") ?? "";
        if (!version.StartsWith(Protocol, StringComparison.Ordinal)) throw Wrong(node, file, $"the provider '{name}' has the apiVersion '{version}', not {Protocol}v1");
        string[] images = Texts(node, "matchImages");
        if (images.Length == 0) throw Wrong(node, file, $"the provider '{name}' needs matchImages");
        TimeSpan life = Text(node, "defaultCacheDuration") is { } text ? GoDuration.Parse(text) ?? throw Wrong(node, file, $"'{text}' is no duration such as 12h") : StandardLife;
        KeyValuePair<string, string>[] environment = Get(node, "env") is YamlSequenceNode entries
            ? [.. entries.Children.OfType<YamlMappingNode>().Select(entry => KeyValuePair.Create(Text(entry, "name") ?? throw Wrong(entry, file, "a variable needs a name"), Text(entry, "value") ?? ""))]
            : [];
        return new CredentialProvider(program, images, life, version, Texts(node, "args"), environment);
    }

    private static bool NeedsServiceAccount(YamlMappingNode provider) => Get(provider, "tokenAttributes") is YamlMappingNode attributes && Text(attributes, "requireServiceAccount") == "true";

    private static YamlNode? Get(YamlMappingNode node, string key) => node.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? value) ? value : null;

    private static string? Text(YamlMappingNode node, string key) => Get(node, key) is YamlScalarNode { Value: { Length: > 0 } value } ? value : null;

    private static string[] Texts(YamlMappingNode node, string key) => Get(node, key) is YamlSequenceNode list ? [.. list.Children.OfType<YamlScalarNode>().Select(item => item.Value ?? "")] : [];

    private static SluiceException Wrong(YamlNode node, string file, string message) => new(SluiceError.Configuration, $"{file}:{node.Start.Line}", message);
}
