using Sluice.Formats;

namespace Sluice.Kernel.Keeper;

/// <summary>A keeper that works does not do what it was asked for.</summary>
internal sealed class KeeperRefusal(string path, string answer)
    : SluiceException(SluiceError.Kernel, path, "the keeper refused: " + answer, "is the keeper of another version? see keeper.log beside the socket, or the journal of its unit");
