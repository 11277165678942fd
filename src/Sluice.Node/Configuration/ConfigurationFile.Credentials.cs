using Sluice.Storage.Sources.Credentials;
using YamlDotNet.RepresentationModel;

namespace Sluice.Node.Configuration;

/// <content>The section <c>credentials</c>.</content>
public static partial class ConfigurationFile
{
    private static NodeOptions Credentials(NodeOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "secrets" => WithCredentials(options, credentials => credentials with { SecretFiles = Paths(value, "credentials.secrets", file) }),
                "providers" => Providers(options, value, file),
                "cri" => Cri(options, value, file),
                _ => throw Unknown(value, "credentials." + key, file, "secrets, providers, cri"),
            };
        }

        return options;
    }

    private static NodeOptions WithCredentials(NodeOptions options, Func<CredentialOptions, CredentialOptions> change) =>
        options with { Sources = options.Sources with { Credentials = change(options.Sources.Credentials) } };

    private static NodeOptions Providers(NodeOptions options, YamlNode node, string file)
    {
        string? config = null, directory = null;
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            switch (key)
            {
                case "config":
                    config = AbsolutePath(value, "credentials.providers.config", file);
                    break;
                case "directory":
                    directory = AbsolutePath(value, "credentials.providers.directory", file);
                    break;
                default:
                    throw Unknown(value, "credentials.providers." + key, file, "config, directory");
            }
        }

        if (config is null || directory is null) throw Wrong(node, file, "'credentials.providers' needs 'config' and 'directory', as the kubelet does");
        (IReadOnlyList<CredentialProvider> providers, IReadOnlyList<string> skipped) = CredentialProviderFile.Read(config, directory);
        return WithCredentials(options with { SkippedProviders = skipped }, credentials => credentials with { Providers = providers });
    }

    private static NodeOptions Cri(NodeOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "containerd" => options with { ImageServiceOf = AbsolutePath(value, "credentials.cri.containerd", file) },
                "forget_after_hours" => options with { PullLoginLife = TimeSpan.FromHours(Number(value, "credentials.cri.forget_after_hours", file, 1, 24 * 3650)) },
                _ => throw Unknown(value, "credentials.cri." + key, file, "containerd, forget_after_hours"),
            };
        }

        return options;
    }

    private static IReadOnlyList<string> Paths(YamlNode node, string key, string file) =>
        node is YamlSequenceNode list ? [.. list.Children.Select(item => AbsolutePath(item, key, file))] : [AbsolutePath(node, key, file)];
}
