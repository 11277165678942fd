namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Logins as <c>docker login</c> and <c>skopeo login</c> keep them, in the file or in a program that the file names. The file is
/// read anew for each question: a new login counts at once.
/// </summary>
/// <param name="path">Null: the first that exists of the places where Docker and skopeo keep it.</param>
internal sealed class LoginFile(string? path, CredentialProgram programs) : ICredentialSource
{
    private const string DockerHubKey = "https://index.docker.io/v1/";

    public async Task<IReadOnlyList<RegistryCredential>> FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation)
    {
        if ((path ?? Locate()) is not { } file) return [];
        LoginDocument document = await LoginDocument.ReadAsync(file, cancellation).ConfigureAwait(false);
        string server = repository.Host == RepositoryName.DockerHub ? DockerHubKey : repository.Host;
        if (document.ProgramFor(repository) is { } helper)
        {
            return await programs.GetAsync(helper, server, anew, cancellation).ConfigureAwait(false) is { } helped ? [helped] : [];
        }

        RegistryCredential[] logins = [.. document.LoginsFor(repository)];
        if (logins.Length > 0 || document.Store is not { } store) return logins;
        return await programs.GetAsync(store, server, anew, cancellation).ConfigureAwait(false) is { } stored ? [stored] : [];
    }

    private static string? Locate()
    {
        string? home = Environment.GetEnvironmentVariable("HOME");
        string? docker = Environment.GetEnvironmentVariable("DOCKER_CONFIG");
        string?[] candidates =
        [
            Environment.GetEnvironmentVariable("REGISTRY_AUTH_FILE"),
            string.IsNullOrEmpty(docker) ? null : Path.Combine(docker, "config.json"),
            string.IsNullOrEmpty(home) ? null : Path.Combine(home, ".docker", "config.json"),
        ];
        return candidates.FirstOrDefault(path => !string.IsNullOrEmpty(path) && File.Exists(path));
    }
}
